// Features' entry: the only file of the widget that knows the notebook's `model`.
import { asking } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { smallPictures } from "../lib/image_control.js";
import { briefly, emojiOf, sharedBeginning } from "../lib/labels.js";
import { DATA, dataReader } from "./received.js";
import { FeaturesView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["layer", "feature", "token", "image", "target", "strength", "sort", "up", "across", "pictures", "error"];

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

/** @param {string[]} names @param {string[]} emoji @returns {import("../lib/labels.js").Label[]} */
function labelsOf(names, emoji) {
  const shared = sharedBeginning(names);
  return names.map((name, index) => ({ index, name, brief: briefly(name.slice(shared.length)), emoji: emojiOf(emoji[index]) }));
}

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const get = (/** @type {string} */ name) => model.get(name);
  const dataOf = dataReader(get);
  const ask = asking(model, life.signal);
  const update = () => view.update(choicesOf(model), dataOf());
  const choose = following(model, [...CHOICES, ...DATA], update, life.signal);
  const labels = labelsOf(get("_labels"), get("_emoji"));
  const meta = { ...get("_meta"), labels, small: smallPictures(get("_meta").thumb, asUint8(get("_thumbs"))) };
  const view = new FeaturesView(meta, dataOf(), choicesOf(model), ask, choose);
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
