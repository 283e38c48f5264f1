// PatchGrid's entry: the only file of the widget that knows the notebook's `model`.
import { hasKernel } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { smallPictures } from "../lib/image_control.js";
import { received } from "../lib/received.js";
import { promptField } from "./prompts.js";
import { columnsOf, readingOf } from "./received.js";
import { PatchGridView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["image", "state", "token", "target", "glyph", "tint", "prompts", "error"];
const OF_IMAGE = ["_meta", "_labels", "_picture", "_top_index", "_top_probability", "_entropy", "_kl", "_logsumexp", "_logits"];
const DRAWN = [...CHOICES, "_target_of", "_meta"];

/** @param {Model} model @param {Reading} reading @returns {Choices} */
function choicesOf(model, reading) {
  const choices = Object.fromEntries(CHOICES.map((name) => [name, model.get(name)]));
  const state = Math.min(Math.max(0, choices["state"]), reading.nStates - 1);
  return /** @type {Choices} */ ({ ...choices, prompts: choices["prompts"] ?? [], state });
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
    if (view.reading.source.labels !== reading.source.labels) remake();
    else view.update(choicesOf(model, reading), reading, columns);
  };
  const small = smallPictures(get("_meta").thumb, asUint8(get("_thumbs")));
  const choose = following(model, DRAWN, update, life.signal);
  const canAsk = hasKernel(model);
  const prompts = canAsk && get("_meta").prompts ? promptField((asked) => choose({ prompts: asked, error: "" })) : null;
  const make = () => new PatchGridView(reading, choicesOf(model, reading), columns, { small, canAsk }, choose, prompts);
  let view = make();
  // Other prompts are other classes: all that is drawn of them is made anew.
  const remake = () => {
    const [before, focused] = [view, prompts?.node.querySelector(":focus")];
    view = make();
    view.replace(before);
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  };
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
