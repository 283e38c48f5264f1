// Words and numbers that several parts write in the same way.

/** Relevance with three digits; only 0 is written as 0. @param {number} value */
export function relevance(value) {
  if (Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const isPlain = size >= 0.001 && size < 10_000;
  const text = !isPlain ? value.toExponential(1).replace("+", "") : size >= 999.5 ? value.toFixed(0) : value.toPrecision(3);
  return text.replace(/-/g, "−");
}

/** "12 %"; what is neither none nor all is never written as such. @param {number} share */
export function percent(share) {
  if (Number.isNaN(share)) return "–";
  if (share > 0 && share < 0.005) return "<1 %";
  return share < 1 && share > 0.995 ? ">99 %" : `${Math.round(100 * share)} %`;
}

/** "toy/p32 · 6 × 3 heads · 50 tokens". @param {import("./scene.js").Meta} meta */
export function subtitle({ model_name, n_layers, n_heads, tokens, prefix, rows, cols, caption }) {
  const dropped = prefix.length + rows * cols - tokens.length;
  const words = `${model_name} · ${n_layers} × ${n_heads} heads · ${tokens.length} tokens${dropped ? `, ${dropped} dropped` : ""}`;
  return caption ? `${words} · ${caption}` : words;
}

/** What the methods measure, each in a sentence. @type {Record<string, string>} */
const METHODS = {
  class_embedding: "by how much each block’s own answer would move towards the class if more were attended to the token; summed over heads and blocks",
  class_embedding_text: "as the paper’s formula has it: gradients of the cross-entropy of each block’s state; summed over heads and blocks",
  class_embedding_logit: "gradients of the class’s logit, read from what each block’s attention adds; summed over heads and blocks",
  class_embedding_text_logit: "gradients of the class’s logit, read from each block’s state; summed over heads and blocks",
  chefer: "positive parts of attention × gradient, followed back through all blocks (Chefer et al. 2021)",
  gradient_rollout: "attention × gradient, followed back through all blocks, each with its skip connection",
  rollout: "attention followed back through all blocks; it knows no class: the same map for all of them",
};

/** @param {string} method */
export const methodWords = (method) => METHODS[method] ?? "a method of your own";

/** Methods that are the same for all classes. @param {string} method */
export const isClassFree = (method) => method === "rollout";

/** "All blocks and heads", "Layer 3, its 4 heads together". @param {import("./maps.js").What} what @param {import("./scene.js").Meta} meta */
export function mapTitle({ show, layer, head }, { n_heads }) {
  if (show === "all") return "All blocks and heads";
  return show === "layer" ? `Layer ${layer}, sum of its ${n_heads} heads` : `Layer ${layer}, head ${head}`;
}

/** @type {Record<import("./curves.js").Kind, string>} */
export const ORDERS = { negative: "least relevant first", positive: "most relevant first" };
