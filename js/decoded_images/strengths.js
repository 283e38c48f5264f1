// Strengths, and their places on the slider.

/** @typedef {import("./scene.js").Strength} Strength */

/** As TICKS in single.py, and the contribution without the rest. @param {import("./scene.js").Meta} meta @returns {Strength[]} */
export const ticksOf = ({ mode }) => (mode === "frozen" ? [1, 2, 4, 8, 16, "alone"] : [1, 2, 4, 8, 16]);

/** Places between two ticks. */
export const STEPS = 4;
const LAST = 4; // of the doubled ones

/** @param {Strength} strength @returns {number} 0 for the first tick, 1 for the next */
export function placeOf(strength) {
  if (strength === "alone") return LAST + 1;
  return Math.min(LAST, Math.max(0, Math.log2(strength)));
}

/** @param {number} place @returns {Strength} */
export function strengthAt(place) {
  if (place > LAST) return place > LAST + 0.5 ? "alone" : 2 ** LAST;
  return Number((2 ** place).toPrecision(3));
}

/** The next tick above or below. @param {Strength} strength @param {number} by  1 or -1 @param {Strength[]} ticks @returns {Strength} */
export function stepped(strength, by, ticks) {
  const place = placeOf(strength);
  const next = by > 0 ? Math.floor(place + 1e-6) + 1 : Math.ceil(place - 1e-6) - 1;
  return ticks[Math.min(ticks.length - 1, Math.max(0, next))] ?? strength;
}

/** @param {Strength} strength */
export const strengthWords = (strength) => (strength === "alone" ? "alone" : `× ${Number(strength.toPrecision(3))}`);
