// DecodedImages' entry: the only file of the widget that knows the notebook's `model`.
import { asking } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { smallPictures } from "../lib/image_control.js";
import { DATA, dataReader, keepNews, savedSingles } from "./received.js";
import { DecodedView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["state", "layer", "head", "show", "seed", "strength", "sort", "image", "error"];

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const get = (/** @type {string} */ name) => model.get(name);
  const dataOf = dataReader(get);
  keepNews(model, life.signal);
  const ask = asking(model, life.signal);
  const update = () => view.update(choicesOf(model), dataOf());
  const choose = following(model, [...CHOICES, ...DATA], update, life.signal);
  const meta = { ...get("_meta"), small: smallPictures(get("_meta").thumb, asUint8(get("_thumbs"))) };
  const view = new DecodedView(meta, dataOf(), choicesOf(model), ask, choose, savedSingles(get));
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
