// InfillStrip's entry: the only file of the widget that knows the notebook's `model`.
import { hasKernel } from "./lib/asking.js";
import { asFloat32, asUint8 } from "./lib/bytes.js";
import { Numbers } from "./infill_strip/numbers.js";
import { Painting } from "./infill_strip/painting.js";
import { InfillView } from "./infill_strip/view.js";

/** @typedef {import("./infill_strip/scene.js").Choices} Choices */

/**
 * @typedef {object} Model  what anywidget hands over
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {((content: unknown) => void) | undefined} [send]  a saved page has none
 * @property {(events: string, callback: (...words: any[]) => void) => void} on
 * @property {(events: string, callback: (...words: any[]) => void) => void} off
 */

const CHOICES = ["layer", "mask_ratio", "seed", "paste", "view", "against", "image", "error"];
const PARTS = ["_painting", "_numbers_of", "_random_mask", "_object_masks", "_object_names"];
const DATA = ["mask", ...PARTS, "_answered"];
const EVENTS = [...CHOICES, ...DATA].map((name) => `change:${name}`);

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

/** @param {Model} model */
function paintingOf(model) {
  const pixels = {
    original: asUint8(model.get("_original")),
    painted: asUint8(model.get("_painted")),
    mask: asUint8(model.get("_painted_mask")),
  };
  return new Painting(model.get("_meta"), pixels, model.get("_painted_image"));
}

/** @param {Model} model */
function numbersOf(model) {
  const { state_names, rows, cols } = model.get("_meta");
  const [scores, errors] = [asFloat32(model.get("_scores")), asFloat32(model.get("_patch_errors"))];
  return new Numbers(state_names.length, rows * cols, scores, errors, model.get("_converged"));
}

/** @param {Model} model @returns {import("./infill_strip/scene.js").Data["objects"]} */
function objectsOf(model) {
  const masks = asUint8(model.get("_object_masks"));
  /** @type {string[]} */
  const names = model.get("_object_names");
  const size = masks.length / Math.max(1, names.length);
  return names.map((name, i) => ({ name, mask: masks.slice(i * size, (i + 1) * size) }));
}

/**
 * What the kernel sent, decoded; parts that have not been sent anew stay the same objects.
 * @param {Model} model
 */
function reader(model) {
  /**
   * @template Value
   * @param {string[]} names
   * @param {(model: Model) => Value} read
   */
  const remembered = (names, read) => {
    /** @type {{ of: unknown[], value: Value } | null} */
    let last = null;
    return () => {
      const now = names.map((name) => model.get(name));
      if (!last || now.some((one, i) => one !== last?.of[i])) last = { of: now, value: read(model) };
      return last.value;
    };
  };
  const painting = remembered(["_painting"], paintingOf);
  const numbers = remembered(["_numbers_of"], numbersOf);
  const random = remembered(["_random_mask"], (m) => asUint8(m.get("_random_mask")));
  const objects = remembered(["_object_masks", "_object_names"], objectsOf);
  const data = remembered(PARTS, (m) => ({
    painting: painting(),
    numbers: numbers(),
    areNumbersOld: m.get("_numbers_of") !== m.get("_painting"),
    random: random(),
    objects: objects(),
  }));
  const mask = remembered(["mask"], (m) => asUint8(m.get("mask")));
  return { data, mask };
}

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const { data, mask } = reader(model);
  /** @param {Record<string, unknown>} change */
  const save = (change) => {
    for (const [name, value] of Object.entries(change)) {
      model.set(name, value instanceof Uint8Array ? new DataView(value.slice().buffer) : value);
    }
    model.save_changes();
  };
  /** @param {Record<string, unknown>} change */
  const send = (change) => {
    const number = model.get("_asked") + 1;
    save({ ...change, _asked: number });
    return number;
  };
  const rest = () => {
    const painting = model.get("_painting");
    return model.get("_numbers_of") === painting ? null : { _numbers_asked: painting };
  };
  const wires = { choose: save, send: hasKernel(model) ? send : null, rest };
  const view = new InfillView(model.get("_meta"), data(), choicesOf(model), mask(), wires);
  const update = () => view.update(choicesOf(model), data(), mask(), model.get("_answered"));
  for (const event of EVENTS) model.on(event, update);
  el.append(view.node);
  return () => {
    for (const event of EVENTS) model.off(event, update);
    view.destroy();
  };
}

export default { render };
