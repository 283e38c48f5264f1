// One trace read by several lenses: which reading is shown, which is compared with it, and how far
// the one is from the other.
import { blueOrange } from "../lib/colormaps.js";
import { decimal } from "../lib/numbers.js";
import { isOrdered, scaleOf } from "./tints.js";

/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("./tints.js").TintName} TintName */
/** @typedef {import("./tints.js").Scale} Scale */

/**
 * @typedef {object} Run  what one lens reads
 * @property {string} name  of the lens
 * @property {Reading} reading
 * @property {import("./reading.js").TargetColumns} columns
 */

/** @typedef {{ lens?: string, beside?: string | null, difference?: boolean }} LensChoice */

/** The run of a lens; the first where there is none of that name. @param {Run[]} runs @param {string | undefined} lens @returns {Run} */
export const shownRun = (runs, lens) => /** @type {Run} */ (runs.find(({ name }) => name === lens) ?? runs[0]);

/** The one it is compared with. @param {Run[]} runs @param {LensChoice} choice @returns {Run | null} */
export const besideRun = (runs, { lens, beside }) => (beside && beside !== lens ? (runs.find(({ name }) => name === beside) ?? null) : null);

/**
 * A choice as the kernel would complete it: the lens that is chosen in the other's place changes
 * places with it, and a difference is that from another lens.
 * @template {LensChoice} Change
 * @param {Change} change
 * @param {LensChoice} now
 * @param {string[]} names
 * @returns {Change}
 */
export function completed(change, now, names) {
  const { lens = names[0], beside = null } = now;
  if (change.lens !== undefined && change.lens === beside) return { ...change, beside: lens };
  if (change.beside === null) return { ...change, difference: false };
  if (change.difference && beside === null) return { ...change, beside: names.find((name) => name !== lens) ?? null };
  return change;
}

/** The one after it, after the last the first. @param {string[]} names @param {string | undefined} lens */
export const nextLens = (names, lens) => names[(names.indexOf(lens ?? "") + 1) % names.length];

/**
 * What an ordered tint says by one lens, less what it says by another.
 * @param {TintName} tint
 * @param {Run} one
 * @param {Run} other
 * @returns {Scale | null} null for "class" and "none"
 */
export function differenceScale(tint, one, other) {
  const [own, its] = [one, other].map(({ reading, columns }) => (isOrdered(tint) ? scaleOf(tint, reading, columns) : null));
  if (!own || !its) return null;
  /** @param {number} state @param {number} token */
  const value = (state, token) => own.value(state, token) - its.value(state, token);
  const most = largestOf(one.reading, value) || 1;
  return {
    map: blueOrange,
    value,
    place: (number) => Math.max(0, Math.min(1, 0.5 + number / most / 2)),
    strength: (place) => Math.abs(2 * place - 1),
    ticks: [-1, 0, 1].map((share) => ({ at: (share + 1) / 2, text: share ? signed(share * most) : "0" })),
    write: signed,
  };
}

/** "+0.31", "−0.31". @param {number} value */
export const signed = (value) => (value > 0 ? `+${decimal(value)}` : decimal(value));

/** @param {Reading} reading @param {Scale["value"]} value */
function largestOf(reading, value) {
  let most = 0;
  for (let state = 0; state < reading.nStates; state++) {
    for (let token = reading.nPrefix; token <= reading.nTokens; token++) {
      const size = Math.abs(value(state, token));
      if (size > most && Number.isFinite(size)) most = size;
    }
  }
  return most;
}

/** Where two lenses give different answers. @param {Reading} one @param {Reading} other */
export const otherAnswers = (one, other) => (/** @type {number} */ state, /** @type {number} */ token) =>
  one.isKnown(state, token) && other.isKnown(state, token) && one.topClass(state, token) !== other.topClass(state, token);
