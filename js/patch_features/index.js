// PatchFeatures' entry: the only file of the widget that knows the notebook's `model`.
import { asking } from "../lib/asking.js";
import { following } from "../lib/following.js";
import { DATA, reader } from "./received.js";
import { PatchFeaturesView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["image", "state", "token", "mode", "colours", "n_groups", "seed", "basis", "similarity", "examples_from", "tint", "names", "error"];

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const get = (/** @type {string} */ name) => model.get(name);
  const ask = asking(model, life.signal);
  const choose = following(model, [...CHOICES, ...DATA, "_meta"], () => update(), life.signal);
  const make = () => new PatchFeaturesView(dataOf(), choicesOf(model), ask, choose);
  let [dataOf, meta] = [reader(get), get("_meta")];
  let view = make();
  const update = () => {
    if (get("_meta") === meta) return view.update(choicesOf(model), dataOf());
    // Of more pictures than before: each part knows how many there are.
    [dataOf, meta] = [reader(get), get("_meta")];
    const before = view;
    view = make();
    view.replace(before);
  };
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
