// PatchGrid's entry: the only file of the widget that knows the notebook's `model`.
import { hasKernel } from "../lib/asking.js";
import { following } from "../lib/following.js";
import { columnsOf, readingOf } from "./received.js";
import { PatchGridView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["state", "token", "target", "glyph", "tint", "error"];
const DRAWN = [...CHOICES, "_target_of"];

/** @param {Model} model @param {Reading} reading @returns {Choices} */
function choicesOf(model, reading) {
  const choices = Object.fromEntries(CHOICES.map((name) => [name, model.get(name)]));
  const state = Math.min(Math.max(0, choices["state"]), reading.nStates - 1);
  return /** @type {Choices} */ ({ ...choices, state });
}

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const get = (/** @type {string} */ name) => model.get(name);
  const reading = readingOf(get);
  let columns = columnsOf(get, reading, null);
  const update = () => {
    columns = columnsOf(get, reading, columns);
    view.update(choicesOf(model, reading), columns);
  };
  const choose = following(model, DRAWN, update, life.signal);
  const view = new PatchGridView(reading, choicesOf(model, reading), columns, hasKernel(model), choose);
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
