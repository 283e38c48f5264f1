// How features, places and numbers are called.

/** @typedef {import("./scene.js").Meta} Meta */
/** @typedef {import("./scene.js").NumberName} NumberName */
/** @typedef {import("./scene.js").AxisName} AxisName */
/** @typedef {import("./scene.js").Scene} Scene */

const LETTERS = { neuron: "N", latent: "#", channel: "C" };

/** "L4 N225"; of one block alone "27,914". @param {{ layer: number, feature: number }} at @param {Meta} meta */
export const shortName = ({ layer, feature }, meta) =>
  meta.layers.length === 1 && meta.kind === "latent" ? grouped(feature) : `L${layer} ${LETTERS[meta.kind]}${feature}`;

/** "Layer 4, neuron 225". @param {{ layer: number, feature: number }} at @param {Meta} meta */
export const longName = ({ layer, feature }, meta) => `Layer ${layer}, ${meta.kind} ${feature}`;

/** "36,864". @param {number} count */
export const grouped = (count) => count.toLocaleString("en-US");

/** @type {Record<AxisName | "here", string>} */
export const NUMBER_WORDS = { selectivity: "selectivity", largest: "largest", density: "density", mean: "mean", share: "share of its class", tail: "selectivity, tail", effect: "effect on the target", here: "what fires here" };

/** @param {Meta} meta @returns {NumberName[]} those that are known */
export const numberNames = (meta) => (meta.has_classes ? ["selectivity", "largest", "density", "mean", "share"] : ["largest", "density", "mean"]);

/** What the scatter can show. @param {Meta} meta @returns {AxisName[]} */
export const axisNames = (meta) => [...numberNames(meta), ...(meta.has_classes ? [/** @type {const} */ ("tail")] : []), "effect"];

/** Over a column of numbers. @param {AxisName | "here"} name */
export const columnName = (name) => ({ selectivity: "AUC", largest: "largest", density: "density", mean: "mean", share: "of its class", tail: "AUC", effect: "logit", here: "of its largest" })[name];

/** @param {AxisName | "here"} name @param {number} value */
export function numberText(name, value) {
  if (Number.isNaN(value)) return "–";
  if (name === "density") return percent(value);
  if (name === "selectivity") return value.toFixed(3);
  if (name === "here" || name === "share") return share(value);
  if (name === "effect") return `${value > 0 ? "+" : ""}${activation(value)}`;
  return activation(value);
}

/** @param {number} value  0..1 */
export function share(value) {
  if (value === 0) return "0";
  return Math.abs(value) < 0.01 ? `${value < 0 ? ">−" : "<"}0.01` : value.toFixed(2).replace("-", "−");
}

/** @param {number} value  0..1 */
export function percent(value) {
  const hundred = 100 * value;
  if (value === 0) return "0 %";
  if (hundred < 0.01) return "<0.01 %";
  return `${hundred >= 10 ? hundred.toFixed(1) : hundred >= 1 ? hundred.toFixed(1) : hundred.toFixed(2)} %`;
}

/** An activation: three digits that count. @param {number} value */
export function activation(value) {
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size >= 0.01 ? size.toFixed(2) : size.toPrecision(1);
  return value < 0 ? `−${text}` : text;
}

/** "+0.161". @param {number} value */
export const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

/** What fires means. @param {Meta} meta */
export const firesWords = (meta) => (meta.kind === "latent" ? "fires on this share of patches" : "fires on this share of patches (above 1/5 of its largest)");

/** "row 3, col 1", "CLS". @param {number} token @param {Meta} meta */
export function tokenName(token, { prefix, cols }) {
  const patch = token - prefix.length;
  return patch < 0 ? (prefix[token] ?? "") : `row ${Math.floor(patch / cols)}, col ${patch % cols}`;
}

/** The title's second part. @param {Meta} meta */
export function subtitle(meta) {
  const many = { neuron: "neurons", latent: "latents", channel: "channels" }[meta.kind];
  const features = meta.layers.length === 1 ? `layer ${meta.layers[0]}, ${grouped(meta.width)} ${many}` : `${meta.layers.length} × ${grouped(meta.width)} ${many}`;
  return [meta.model_name, meta.site, features, meta.caption].filter(Boolean).join(" · ");
}

/** @param {Meta} meta */
export const dataWords = (meta) => `${grouped(meta.n_data)} images, ${grouped(meta.n_patches)} patches`;

/** "All neurons". @param {Meta} meta */
export const allWords = (meta) => `All ${{ neuron: "neurons", latent: "latents", channel: "channels" }[meta.kind]}`;

/** Whether a number is asked for: of the list, or of an axis. @param {Pick<import("./scene.js").Choices, "sort" | "up" | "across">} choices */
export const wantsEffect = ({ sort, up, across }) => [sort, up, across].includes("effect");

/** What effects are on, or why there are none; "" where nobody wants to know. @param {Scene} scene */
export function effectWords({ choices, meta, effect, canAsk }) {
  if (!wantsEffect(choices)) return "";
  if (!meta.n_images) return "Effects are on an image's answer: vl.Features(found, vit, image).";
  if (!effect) return canAsk ? "Effects on the target are on their way." : "Effects on the target are not on this page.";
  return effect.why || `effect: what it adds by itself to the logit of ${effect.said.asked} on your image`;
}
