// Words that several parts say in the same way.
import { stateWords as inWords } from "../lib/state_words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Meta} Meta */

/** @param {Meta} meta */
export const placesOf = ({ rows, cols, prefix }) => ({ rows, cols, nPrefix: prefix.length });

/** "dinov2s · 32 × 32 patches + CLS · no classifier". @param {Meta} meta */
export function subtitle({ model_name, rows, cols, prefix, tokens, has_classifier }) {
  const registers = prefix.filter((name) => name.startsWith("register")).length;
  const others = prefix.filter((name) => !name.startsWith("register"));
  const counted = registers ? [`${registers} ${registers === 1 ? "register" : "registers"}`] : [];
  const dropped = prefix.length + rows * cols - tokens.length;
  const grid = [`${rows} × ${cols} patches`, ...others, ...counted].join(" + ");
  return [model_name, grid, ...(dropped ? [`${dropped} dropped`] : []), ...(has_classifier ? [] : ["no classifier"])].join(" · ");
}

/** "1,024". @param {number} n */
export const grouped = (n) => n.toLocaleString("en-US");

/** @param {Meta} meta @param {number} state */
export const stateName = (meta, state) => meta.state_names[state] ?? String(state);

/** @param {Meta} meta @param {number} state */
export const stateWords = (meta, state) => inWords(stateName(meta, state), state);

/** "row 4, col 3", "CLS". @param {Meta} meta @param {number} token */
export function describe({ prefix, cols }, token) {
  const patch = token - prefix.length;
  return patch < 0 ? (prefix[token] ?? "") : `row ${Math.floor(patch / cols)}, col ${patch % cols}`;
}

/** A number −1..1 with a true minus. @param {number} value @param {number} digits */
export const cosineWords = (value, digits = 3) => (Number.isNaN(value) ? "NaN" : value.toFixed(digits).replace("-", "−"));

/** "image 2", or "image" where there is one. @param {Meta} meta @param {number} image */
export const imageWords = ({ n_images }, image) => (n_images > 1 ? `image ${image}` : "image");

/** What a patch says, for those who do not see it. @param {Scene} scene @param {number} token */
export function spoken({ data, choices }, token) {
  const place = describe(data.meta, token);
  if (choices.mode === "look") {
    const cosine = data.similar?.cosine(choices.state, choices.image, token);
    const group = choices.colours === "groups" ? (data.groups?.group(choices.state, choices.image, token - data.meta.prefix.length) ?? -1) : -1;
    const said = [group >= 0 && `group ${group + 1} of ${data.groups?.k}`, cosine !== undefined && `cosine ${cosineWords(cosine, 2)}`].filter(Boolean);
    return said.length ? `${place}: ${said.join(", ")}` : place;
  }
  const { index } = data.taught.answer(choices.state, choices.image, token);
  const example = data.taught.exampleAt(choices.image, token);
  const answer = data.taught.classes[index]?.name;
  return [place, answer, example && `example ${example.number}`].filter(Boolean).join(": ");
}
