// The arithmetic of a curve: where its axis begins and ends, and where numbers stand.

/**
 * Round numbers, evenly apart, that enclose all values: at least two.
 * @param {number[]} values  what is not finite does not count
 * @param {number} [from]  where the axis begins in any case
 */
export function ticksFor(values, from = Infinity) {
  const finite = values.filter(Number.isFinite);
  const low = Math.min(from, ...finite);
  const high = Math.max(...finite);
  if (!Number.isFinite(high) || !Number.isFinite(low)) return [0, 1];
  const step = niceStep((high - low || Math.abs(high) || 1) / 2);
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  const end = Math.max(last, first + 1);
  return Array.from({ length: end - first + 1 }, (_, i) => round((first + i) * step));
}

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that is no smaller. @param {number} least */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 2.5, 5, 10].find((f) => f * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Without the noise of floating point. @param {number} value */
const round = (value) => Number(value.toPrecision(12));

/**
 * How far above (negative) or under its point each of two numbers stands: the upper one above.
 * @param {number} y
 * @param {number} other  NaN where there is none
 */
export const labelShift = (y, other) => (Number.isNaN(other) || y <= other ? -8 : 17);
