// Words that several parts use.
import { decimal } from "../lib/numbers.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./places.js").Row} Row */
/** @typedef {import("./places.js").Place} Place */

/** @param {Row} row */
export const rowName = (row) => (typeof row === "number" ? `H${row}` : row === "mlp" ? "MLP" : "all heads");

/** "L3 H1", "L3 MLP", "L3 all heads". @param {Row} row @param {number} layer */
export const shortName = (row, layer) => `L${layer} ${rowName(row)}`;

/** "Layer 3, head 1". @param {Row} row @param {number} layer */
export const longName = (row, layer) => `Layer ${layer}, ${typeof row === "number" ? `head ${row}` : rowName(row)}`;

/** What of it is exchanged. @param {string} values */
export const valuesName = (values) => (values === "output" ? "z" : values);

/** @param {number} layer */
export const stateName = (layer) => `${layer}_pre`;

/** @param {Place} place @param {import("./scene.js").Tokens} tokens @returns {{ name: string, rest: string }} */
export function placeWords(place, tokens) {
  const [kind, layer, what] = place;
  if (kind === "head") return { name: shortName(what, layer), rest: `${valuesName(place[3])}, ${tokens.n} tokens` };
  if (kind === "attention") return { name: shortName("attention", layer), rest: what === "output" ? "output" : valuesName(what) };
  if (kind === "mlp") return { name: shortName("mlp", layer), rest: "output" };
  const many = what.length;
  const isAll = many === tokens.n - tokens.nBefore && what[0] >= tokens.nPrefix;
  return { name: stateName(layer), rest: many === 1 ? tokens.describe(what[0]) : isAll ? "all patches" : `${many} tokens` };
}

/** "clean → corrupted" reads: values of the first are put into the second. @param {Scene["meta"]} meta @param {Scene["choices"]["direction"]} direction */
export function directionWords({ names }, direction) {
  const [clean, corrupted] = names;
  return direction === "noising" ? `${corrupted} → ${clean}` : `${clean} → ${corrupted}`;
}

/** The names of the run that values are put into, and of the one they come from. @param {Scene} scene */
export function runNames({ meta, effects }) {
  const [clean, corrupted] = meta.names;
  return effects.of.direction === "noising" ? { base: clean, other: corrupted } : { base: corrupted, other: clean };
}

/** "cat − dog". @param {Scene} scene */
export function metricWords({ classes, effects }) {
  const { target, against } = effects.of;
  const name = (/** @type {number} */ index) => classes.label(index).name;
  return against === null ? `logit of ${name(target)}` : `${name(target)} − ${name(against)}`;
}

/** Why there is no share of the way: the answers may be the same, or too near. @param {import("./effects.js").Ends} ends */
export const noGap = ({ base, other }) => (base === other ? "both images get the same answer" : `the answers differ too little (${decimal(Math.abs(base - other))})`);

/** @param {Scene["meta"]} meta */
export const subtitle = ({ model_name, n_layers, n_heads, tokens }) => `${model_name} · ${n_layers} × ${n_heads} heads · ${tokens.length} tokens`;
