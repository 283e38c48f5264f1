// The arithmetic of a curve: where its axis begins and ends, and where numbers stand.

/** @typedef {{ low: number, high: number, ticks: number[] }} Axis */

/**
 * An axis from the smallest to the largest value, with round numbers in it.
 * @param {number[]} values  what is not finite does not count
 * @param {number} [from]  where the axis begins in any case
 * @returns {Axis}
 */
export function axisFor(values, from) {
  const finite = values.filter(Number.isFinite);
  const low = Math.min(from ?? Infinity, ...finite);
  const high = Math.max(...finite);
  if (!Number.isFinite(high)) return { low: 0, high: 1, ticks: [] };
  if (high === low) return { low: low - 0.5, high: high + 0.5, ticks: [low] };
  return { low, high, ticks: ticksIn(low, high) };
}

/** The widest step that leaves at least two round numbers on the axis. @param {number} low @param {number} high */
function ticksIn(low, high) {
  const power = 10 ** Math.floor(Math.log10(high - low));
  for (const factor of [5, 2.5, 2, 1, 0.5, 0.25]) {
    const step = factor * power;
    const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
    if (last > first) return Array.from({ length: last - first + 1 }, (_, i) => round((first + i) * step));
  }
  return [low];
}

/** Without the noise of floating point. @param {number} value */
const round = (value) => Number(value.toPrecision(12));

/**
 * How far above (negative) or under its point each of two numbers stands: the upper one above.
 * @param {number} y
 * @param {number} other  NaN where there is none
 */
export const labelShift = (y, other) => (Number.isNaN(other) || y <= other ? -8 : 17);
