// Causes' entry: the only file of the widget that knows the notebook's `model`.
import { asking } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { DATA, dataReader } from "./received.js";
import { smallPictures } from "../lib/image_control.js";
import { CausesView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["target", "against", "image", "direction", "values", "layer", "head", "part", "token", "exchanged", "outside", "cover", "covered", "error"];

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const dataOf = dataReader((name) => model.get(name));
  const meta = model.get("_meta");
  const ask = asking(model, life.signal);
  const update = () => view.update(choicesOf(model), dataOf());
  const choose = following(model, [...CHOICES, ...DATA], update, life.signal);
  const view = new CausesView({ ...meta, small: smallPictures(meta.thumb, asUint8(model.get("_thumbs"))) }, dataOf(), choicesOf(model), ask, choose);
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
