// How numbers are written. A reader must never take a small number for an impossible one, so what is
// below a hundredth keeps two digits that count, and only zero is written as 0. The same in Python:
// export/stills/scales.py.

/** Below it, two digits count. */
const SMALL = 0.01;

/** "0.0034", "3.4e-05". @param {number} value  above 0 */
function small(value) {
  const [digits = "", exponent = ""] = value.toExponential(1).split("e-");
  return Number(exponent) <= 4 ? value.toPrecision(2) : `${digits}e-${exponent.padStart(2, "0")}`;
}

/**
 * @param {number} value  0..1
 * @param {number} digits  2 in lists, 3 in read-outs
 */
export function probability(value, digits = 2) {
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "0";
  return value < SMALL ? small(value) : value.toFixed(digits);
}

/**
 * What people read beside such a number: of a sigmoid, that it is one; as `word_of` in Python.
 * @param {string} kind
 */
export const wordOf = (kind) => (kind === "sigmoid" ? `probability (${kind})` : "probability");

/**
 * Entropy, divergence and logits, with two decimals.
 * @param {number} value
 */
export function decimal(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return (value < 0 ? "−" : "") + (size < SMALL ? small(size) : size.toFixed(2));
}

/**
 * Where a scale from 0 ends on which probabilities are shown: 1, or where all are far below it, the
 * next of 1, 2, 5 times a power of ten.
 * @param {number} most  the largest
 */
export function endOfProbabilities(most) {
  if (!(most > 0 && most <= 0.5)) return 1;
  const exponent = Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((step) => Number(`${step}e${exponent}`)).find((end) => most <= end) ?? 1;
}

/**
 * "1st", "2nd", "3rd", "4th".
 * @param {number} n
 */
export function ordinal(n) {
  const teen = n % 100 > 10 && n % 100 < 14;
  return n + (teen ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th"));
}

/**
 * "1 patch", "7 patches".
 * @param {number} n
 * @param {string} one
 * @param {string} many
 */
export const counted = (n, one, many) => `${n} ${n === 1 ? one : many}`;
