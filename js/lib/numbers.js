// How numbers are written. A reader must never take a small number for an impossible one, so what
// rounds to zero is written as "less than", and exactly zero as 0.

/**
 * @param {number} value  0..1
 * @param {number} digits  2 in lists, 3 in read-outs
 */
export function probability(value, digits = 2) {
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "0";
  const smallest = 10 ** -digits;
  if (value < smallest / 2) return `<${smallest.toFixed(digits)}`;
  return value.toFixed(digits);
}

/**
 * Entropy, divergence and logits, with two decimals.
 * @param {number} value
 */
export function decimal(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  if (Math.abs(value) < 0.005) return value > 0 ? "<0.01" : ">−0.01";
  return value.toFixed(2).replace("-", "−");
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
