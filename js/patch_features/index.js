// PatchFeatures' entry: the only file of the widget that knows the notebook's `model`.
import { asking } from "../lib/asking.js";
import { following } from "../lib/following.js";
import { DATA, reader } from "./received.js";
import { PatchFeaturesView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["image", "state", "token", "mode", "colours", "basis", "similarity", "examples_from", "tint", "names", "error"];

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const dataOf = reader((name) => model.get(name));
  const update = () => view.update(choicesOf(model), dataOf());
  const choose = following(model, [...CHOICES, ...DATA], update, life.signal);
  const view = new PatchFeaturesView(dataOf(), choicesOf(model), asking(model, life.signal), choose);
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
