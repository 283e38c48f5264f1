// Words that several parts say in the same way.

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Meta} Meta */

/** "toy/p32 · 4 × 3 heads · 50 tokens". @param {Meta} meta */
export function subtitle({ model_name, n_layers, n_heads, tokens, prefix, rows, cols }) {
  const dropped = prefix.length + rows * cols - tokens.length;
  const words = `${model_name} · ${n_layers} × ${n_heads} heads · ${tokens.length} tokens`;
  return dropped ? `${words}, ${dropped} dropped` : words;
}

/** "Layer 3, head 0". @param {import("./map_cache.js").What} what @param {Meta} meta */
export function mapTitle({ show, layer, head }, { n_heads }) {
  if (show === "mean") return `Layer ${layer}, mean of ${n_heads} heads`;
  if (show === "rollout") return layer === 0 ? "Rollout of layer 0" : `Rollout of layers 0 to ${layer}`;
  return `Layer ${layer}, head ${head}`;
}

/** Whether a head is marked beside a map: its own, or those of the layer of a mean, or of the last of a rollout. @param {import("./map_cache.js").What} what @param {number} layer @param {number} head */
export function isShown(what, layer, head) {
  return layer === what.layer && (what.show !== "head" || head === what.head);
}

/** "image 2", "mean of 5 images", "image". @param {number | null} image @param {Meta} meta */
export function imageWords(image, { n_images }) {
  if (image === null) return `mean of ${n_images} images`;
  return n_images > 1 ? `image ${image}` : "image";
}

/** A prefix token's name where there is little room. @param {string} name */
export const brief = (name) => name.replace("register ", "reg ").replace("distillation", "dist");

/** A statistic's number, with as many digits as tell heads apart. @param {number} value */
export function measure(value) {
  if (Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  if (Math.abs(value) < 0.0005) return value > 0 ? "<0.001" : ">−0.001";
  return (Math.abs(value) < 1 ? value.toFixed(3) : value.toFixed(2)).replace("-", "−");
}

/** "share of all weight" is "share" where there is little room. @param {string} unit */
export const shortUnit = (unit) => unit.split(" of ")[0] ?? unit;

/** Which numbers a map holds. @param {import("./map_cache.js").What} what */
export const quantityOf = ({ show, kind }) => (show === "rollout" ? "rollout" : kind === "scores" ? "score" : "pattern");
