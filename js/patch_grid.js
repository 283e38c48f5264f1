// PatchGrid's entry: the only file of the widget that knows the notebook's `model`.
import { hasKernel } from "./lib/asking.js";
import { asFloat32, asIds, asInt32, asUint8 } from "./lib/bytes.js";
import { Reading } from "./patch_grid/reading.js";
import { PatchGridView } from "./patch_grid/view.js";

/** @typedef {import("./patch_grid/scene.js").Choices} Choices */
/** @typedef {import("./patch_grid/reading.js").TargetColumns} TargetColumns */

/**
 * @typedef {object} Model  what anywidget hands over
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {((content: unknown) => void) | undefined} [send]  a saved page has none
 * @property {(events: string, callback: (...words: any[]) => void) => void} on
 * @property {(events: string, callback: (...words: any[]) => void) => void} off
 */

const CHOICES = ["layer", "token", "target", "glyph", "tint", "error"];
const EVENTS = [...CHOICES, "_target_of"].map((name) => `change:${name}`);

/** @param {Model} model */
function readingOf(model) {
  const meta = model.get("_meta");
  return new Reading({
    meta,
    labels: model.get("_labels"),
    emoji: model.get("_emoji"),
    picture: asUint8(model.get("_picture")),
    topIndex: asIds(model.get("_top_index"), meta.id_bytes),
    topProbability: asFloat32(model.get("_top_probability")),
    entropy: asFloat32(model.get("_entropy")),
    kl: asFloat32(model.get("_kl")),
    logsumexp: asFloat32(model.get("_logsumexp")),
    logits: asFloat32(model.get("_logits")),
  });
}

/** @param {Model} model @param {Reading} reading @returns {Choices} */
function choicesOf(model, reading) {
  const choices = Object.fromEntries(CHOICES.map((name) => [name, model.get(name)]));
  const layer = Math.min(Math.max(0, choices["layer"]), reading.nStates - 1);
  return /** @type {Choices} */ ({ ...choices, layer });
}

/**
 * The chosen class's columns: out of the complete table, or those that the kernel sent last.
 * @param {Model} model
 * @param {Reading} reading
 * @param {TargetColumns | null} last
 * @returns {TargetColumns}
 */
function columnsOf(model, reading, last) {
  const of = reading.complete ? model.get("target") : model.get("_target_of");
  if (last && last.of === of) return last;
  if (reading.complete) return reading.columns(of);
  return { of, logit: asFloat32(model.get("_target_logit")), rank: asInt32(model.get("_target_rank")) };
}

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const reading = readingOf(model);
  let columns = columnsOf(model, reading, null);
  const view = new PatchGridView(reading, choicesOf(model, reading), columns, hasKernel(model), (change) => {
    for (const [name, value] of Object.entries(change)) model.set(name, value);
    model.save_changes();
  });
  const update = () => {
    columns = columnsOf(model, reading, columns);
    view.update(choicesOf(model, reading), columns);
  };
  for (const event of EVENTS) model.on(event, update);
  el.append(view.node);
  return () => {
    for (const event of EVENTS) model.off(event, update);
    view.destroy();
  };
}

export default { render };
