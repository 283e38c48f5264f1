// Pieces of text.
import { counted, probability } from "../lib/numbers.js";
import { countHidden } from "./painting.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** The lens that needs no name: nothing is done to a state. */
const PLAIN = "infill lens";

/** Where a model of normalised pixels gets the brightness of hidden patches from. @type {Record<string, string>} */
const STATISTICS = {
  neighbours: "are those of the visible patches around it, the nearer the more",
  visible: "are those of all visible patches",
  target: "are its own, taken from the hidden original: this leaks the answer",
};

/** @param {string} statistics */
export const statisticsWords = (statistics) =>
  `This model paints each patch without its brightness and contrast: a masked patch's ${STATISTICS[statistics] ?? statistics}.`;

/** @param {import("./painting.js").Meta} meta @param {string} [lens_name] */
export function subtitle({ model_name, rows, cols, state_names, lens_name: own }, lens_name = own) {
  const blocks = counted(state_names.length - 1, "encoder block", "encoder blocks");
  const path = lens_name.includes("without") ? "each state through the same decoder, without the final norm" : "each state through the same decoder";
  const lens = lens_name === PLAIN || lens_name.startsWith(`${PLAIN} `) ? path : `${lens_name}: ${path}`;
  return [model_name, `${rows} × ${cols} patches`, blocks, lens].join(" · ");
}

/** @param {import("./painting.js").Meta} meta @param {number} patch */
export const placeWords = ({ cols }, patch) => `row ${Math.floor(patch / cols)}, col ${patch % cols}`;

/** "147 of 196". @param {Uint8Array} mask */
export const hiddenWords = (mask) => `${countHidden(mask)} of ${mask.length}`;

/** "75 %"; what is neither none nor all is never written as such. @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.005) return "<1 %";
  if (share < 1 && share > 0.995) return ">99 %";
  return `${Math.round(100 * share)} %`;
}

/**
 * What cannot be said, or is to be known, of a mask without hidden or without visible patches.
 * @param {Uint8Array} mask
 */
export function edgeWords(mask) {
  const hidden = countHidden(mask);
  if (hidden === 0) {
    return "Nothing is masked, and scores are taken on masked patches alone: mask a patch, or press Random.";
  }
  return hidden === mask.length ? "Every patch is masked: the model paints from its CLS token and the places of the patches alone." : "";
}

/**
 * An error or a score with so many digits; 0 only where it is 0.
 * @param {number} value
 * @param {number} digits
 */
export function score(value, digits) {
  return value < 0 ? `−${probability(-value, digits)}` : probability(value, digits);
}
