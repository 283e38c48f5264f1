// The sizes of a circuit that were tried, and what each keeps: the curve, and the steps of its slider.

/**
 * @typedef {object} Tried  circuits by size, the smallest first
 * @property {ArrayLike<number>} sizes  edges
 * @property {ArrayLike<number>} kept  share of the gap
 */

/** @typedef {Tried & { without: ArrayLike<number> | null, answer: ArrayLike<number> | null, probability: ArrayLike<number> | null }} Exact */

/** A log axis from one edge to all. @param {number} size @param {number} all */
export const placeOf = (size, all) => (all > 1 ? Math.log(Math.max(1, size)) / Math.log(all) : 1);

/** @param {number} place  0..1 @param {number} all */
export const sizeAt = (place, all) => all ** Math.min(1, Math.max(0, place));

/**
 * Which of the sizes is nearest on the log axis.
 * @param {ArrayLike<number>} sizes
 * @param {number} size
 * @returns {number} -1 where there are none
 */
export function nearest(sizes, size) {
  let [best, least] = [-1, Infinity];
  for (let i = 0; i < sizes.length; i++) {
    const away = Math.abs(Math.log(Math.max(1, sizes[i])) - Math.log(Math.max(1, size)));
    if (away < least) [best, least] = [i, away];
  }
  return best;
}

/**
 * The size that a key leads to.
 * @param {string} key
 * @param {ArrayLike<number>} sizes
 * @param {number} size  now
 * @returns {number | null} null for any other key
 */
export function sizeOfKey(key, sizes, size) {
  const at = nearest(sizes, size);
  const last = sizes.length - 1;
  const many = Math.max(1, Math.round(sizes.length / 10));
  const steps = { ArrowLeft: -1, ArrowDown: -1, "-": -1, ArrowRight: 1, ArrowUp: 1, "+": 1, PageDown: -many, PageUp: many, Home: -last, End: last };
  const step = key === "=" ? 1 : steps[/** @type {keyof typeof steps} */ (key)];
  return step === undefined || at < 0 ? null : (sizes[Math.min(last, Math.max(0, at + step))] ?? null);
}

/** A number on the axis, and the name of its end, take so much room, px. */
const TICK = 44;
const END = 125;

/**
 * Round sizes for the axis, none near another or the names at its ends.
 * @param {number} all
 * @param {number} span  of the axis, px
 * @returns {number[]}
 */
export function ticksFor(all, span) {
  let last = TICK;
  return [3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000].filter((size) => {
    const at = span * placeOf(size, all);
    if (at < last || at > span - END) return false;
    last = at + TICK;
    return true;
  });
}

/** Numbers below each other take so much room, px. */
const LINE = 12;

/**
 * Shares that have a number on their axis: 0 and 1, and what leaves them room.
 * @param {{ low: number, high: number }} range
 * @param {number} span  of the axis, px
 * @returns {number[]}
 */
export function sharesFor({ low, high }, span) {
  const room = (LINE * (high - low)) / span;
  return [0, 1, low, high, 0.5].reduce((taken, share) => (taken.some((one) => Math.abs(one - share) < room) ? taken : [...taken, share]), /** @type {number[]} */ ([]));
}

/**
 * Where the axis of shares begins and ends: 0 to 1, further where the curves go, but not where one
 * value alone would flatten all others.
 * @param {(Tried | null)[]} curves
 */
export function rangeOf(curves) {
  const values = curves.flatMap((curve) => Array.from(curve?.kept ?? [])).filter(Number.isFinite);
  return { low: Math.max(-1, Math.min(0, ...values)), high: Math.min(2, Math.max(1, ...values)) };
}
