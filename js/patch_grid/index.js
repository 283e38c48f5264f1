// PatchGrid's entry: the only file of the widget that knows the notebook's `model`.
import { hasKernel } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { smallPictures } from "../lib/image_control.js";
import { received } from "../lib/received.js";
import { columnsOf, readingOf } from "./received.js";
import { PatchGridView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["image", "state", "token", "target", "glyph", "tint", "error"];
const OF_IMAGE = ["_meta", "_picture", "_top_index", "_top_probability", "_entropy", "_kl", "_logsumexp", "_logits"];
const DRAWN = [...CHOICES, "_target_of", "_meta"];

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
  const read = received(get, OF_IMAGE, () => readingOf(get));
  let reading = read();
  let columns = columnsOf(get, reading, null);
  const update = () => {
    const isOfAnother = reading !== read();
    reading = read();
    columns = columnsOf(get, reading, isOfAnother ? null : columns);
    view.update(choicesOf(model, reading), reading, columns);
  };
  const small = smallPictures(get("_meta").thumb, asUint8(get("_thumbs")));
  const choose = following(model, DRAWN, update, life.signal);
  const view = new PatchGridView(reading, choicesOf(model, reading), columns, { small, canAsk: hasKernel(model) }, choose);
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
