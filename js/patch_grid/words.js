// Pieces of text that several parts show in the same way.
import { probability } from "../lib/numbers.js";
import { stateWords as inWords } from "../lib/state_words.js";

/** @typedef {import("./reading.js").Reading} Reading */

/**
 * "image", or which one of the batch.
 * @param {Reading} reading
 */
export const imageWords = ({ meta }) => (meta.n_images > 1 ? `image ${meta.image}` : "image");

/**
 * @param {Reading} reading
 * @param {number} state
 */
export const stateWords = (reading, state) => inWords(reading.stateName(state), state);

/** How many characters the longest name of a state has. @param {Reading} reading */
export const longestName = ({ meta }) => Math.max(...meta.state_names.map(({ length }) => length));

/**
 * "toy/p32 · logit lens · 7 × 7 patches + CLS + 4 registers · 17 labels".
 * @param {Reading} reading
 * @param {string} [lens]
 */
export function subtitle({ meta }, lens = meta.lens_name) {
  const registers = meta.prefix.filter((name) => name.startsWith("register"));
  const others = meta.prefix.filter((name) => !name.startsWith("register"));
  const plural = registers.length === 1 ? "register" : "registers";
  const tokens = [...others, ...(registers.length ? [`${registers.length} ${plural}`] : [])];
  const grid = [`${meta.rows} × ${meta.cols} patches`, ...tokens].join(" + ");
  return `${meta.model_name} · ${lens} · ${grid} · ${meta.n_classes} labels`;
}

/**
 * What a patch says, for those who do not see it.
 * @param {import("./scene.js").Scene} scene
 * @param {number} token
 */
export function spoken({ reading, state, columns, target }, token) {
  if (reading.nClasses === 0) return reading.describe(token);
  const { label, probability: p } = reading.answer(state, token);
  if (!reading.isKnown(state, token)) return `${reading.describe(token)}: ${label.name}`;
  const own = `${reading.describe(token)}: ${label.name} ${probability(p)}`;
  if (label.index === target.index) return own;
  return `${own}; ${target.name} ${probability(reading.probability(columns, state, token))}`;
}
