// What is written: of places, numbers, and what is on its way.
import { counted, probability } from "../lib/numbers.js";
import { strengthWords } from "./strengths.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Meta} Meta */
/** @typedef {import("./scene.js").Place} Place */

/** "0.76", "−0.01". @param {number} value */
export const cosine = (value) => (Number.isNaN(value) ? "" : value.toFixed(2).replace("-", "−"));

/** Of an ablation; rounding may leave less than nothing. @param {number} value */
export const effect = (value) => (Number.isNaN(value) ? "" : value > 0 ? probability(value, 3) : "0");

/** The same in three decimals, where there is little room. @param {number} value */
export const shortEffect = (value) => (value > 0 && value < 0.001 ? "<0.001" : Number.isNaN(value) ? "" : Math.max(0, value).toFixed(3));

/** "L5 H0", "L5 MLP", "5_pre". @param {Place} place @param {Meta} meta */
export function shortName({ layer, column }, meta) {
  if (column < 0) return meta.state_names[layer] ?? "";
  return `L${layer} ${column < meta.n_heads ? `H${column}` : "MLP"}`;
}

/** "Layer 5, head 0". @param {Place} place @param {Meta} meta */
export function longName({ layer, column }, meta) {
  if (column < 0) return `State ${meta.state_names[layer]}`;
  return `Layer ${layer}, ${column < meta.n_heads ? `head ${column}` : "MLP"}`;
}

/** Where names of states stand close, the number alone. @param {Meta} meta @param {number} state @param {number} cell  px */
export function stateName({ state_names }, state, cell) {
  const name = state_names[state] ?? "";
  return cell < 60 ? name.replace(/_pre$/, "") : name;
}

/** @param {Meta} meta @param {number} seed  its place */
export const seedName = ({ seeds }, seed) => `seed ${seeds[seed]}`;

/** @param {Meta} meta */
export function subtitle({ model_name, decoder_name, n_layers, n_heads, size, caption }) {
  const heads = n_heads ? `${n_layers} × ${n_heads} heads` : `${n_layers} layers`;
  const px = size[0] === size[1] ? `${size[0]} px` : `${size[0]} × ${size[1]} px`;
  return [`${model_name} by ${decoder_name}`, heads, px, caption].filter(Boolean).join(" · ");
}

/** @param {Meta} meta */
export function readWords({ reads, readout_name, seeds }) {
  if (reads === "tokens") return "all tokens of each state, painted in one pass";
  return `${readout_name} as the readout reads it, decoded${seeds.length > 1 ? "; one noise in a row" : "; one noise for all"}`;
}

/** What is under the pictures of heads, and in which order. @param {Scene} scene */
export function headsWords({ meta, choices, made, layout }) {
  const what = `what each adds to the readout, ${strengthWords(meta.strength)}, ${seedName(meta, 0)}`;
  if (choices.sort === "similarity") return `${what}; most like the input first${layout.hasNumbers ? "; bar: ablation effect" : ""}`;
  if (choices.sort === "ablation") return `${what}; largest ablation effect first; bar: similarity to the input`;
  const isWhole = made.nMade === made.nHeads;
  return `${what}; each under the state it reads${isWhole ? "" : "; strongest first, grey: still to come"}`;
}

/** Said of a picture that is not here. @param {Scene} scene */
export const missingWords = ({ canAsk }) => (canAsk ? "still to come" : "not on this page");

/** @param {import("./made.js").Made} made @param {Meta} meta */
export function progressWords(made, meta) {
  const { left } = made.sent;
  if (left === 0) return "";
  if (!made.nHeads) return `${counted(left, "piece", "pieces")} left`;
  if (made.nMade === made.nHeads) return made.nRandom < made.nHeads ? `chance: ${made.nRandom} of ${made.nHeads}` : "the last pieces";
  if (made.nMade > 0) return `${made.nMade} of ${made.nHeads} heads`;
  return made.hasEffects ? `states, then ${made.nHeads} heads` : `${meta.n_layers} layers: effects`;
}

/** A share of all that is to be made, for the bar. @param {import("./made.js").Made} made */
export function progressShare(made) {
  if (!made.nHeads) return NaN;
  return made.nMade < made.nHeads ? made.nMade / made.nHeads : made.nRandom / made.nHeads;
}
