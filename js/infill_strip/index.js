// InfillStrip's entry: the only file of the widget that knows the notebook's `model`.
import { hasKernel } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { smallPictures } from "../lib/image_control.js";
import { received } from "../lib/received.js";
import { numbersOf, objectsOf, paintingOf } from "./received.js";
import { InfillView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["state", "mask_ratio", "seed", "paste", "view", "reference", "image", "lens", "beside", "error"];
const PARTS = ["_painting", "_numbers_of", "_random_mask", "_object_masks", "_object_names"];
const DATA = ["mask", ...PARTS, "_answered"];
const DRAWN = [...CHOICES, ...DATA];

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

const OF_PICTURES = ["_painted"];
const OF_NUMBERS = ["_scores", "_patch_errors", "_converged"];

/** One lens's pictures and numbers under the names of the first's; the rest as it is. @param {Model} model @param {string} lens */
const ofLens = (model, lens) => (/** @type {string} */ name) => {
  if (OF_PICTURES.includes(name)) return model.get("_other_pictures")[lens]?.[name];
  return OF_NUMBERS.includes(name) ? model.get("_other_numbers")[lens]?.[name] : model.get(name);
};

/** What every lens has painted: the one that is shown, and the one it is compared with. @param {Model} model */
function lensReader(model) {
  const own = (/** @type {string} */ name) => model.get(name);
  const names = /** @type {string[]} */ (model.get("_meta").lenses ?? []);
  const readers = new Map(names.map((name, i) => [name, reader(i ? ofLens(model, name) : own).data]));
  const first = reader(own);
  const data = () => {
    const shown = readers.get(model.get("lens")) ?? first.data;
    const [lens, beside] = [model.get("lens"), model.get("beside")];
    const other = beside && beside !== lens ? readers.get(beside) : undefined;
    return { ...shown(), beside: other ? { name: beside, data: other() } : null };
  };
  return { data, mask: first.mask };
}

/** What the kernel sent, decoded. @param {(name: string) => any} get */
function reader(get) {
  const meta = get("_meta");
  const painting = received(get, ["_painting"], () => paintingOf(get, meta));
  const numbers = received(get, ["_numbers_of"], () => numbersOf(get, meta));
  const random = received(get, ["_random_mask"], () => asUint8(get("_random_mask")));
  const objects = received(get, ["_object_masks", "_object_names"], () => objectsOf(get));
  const data = received(get, PARTS, () => ({
    painting: painting(),
    numbers: numbers(),
    areNumbersOld: get("_numbers_of") !== get("_painting"),
    random: random(),
    objects: objects(),
    beside: null,
  }));
  const mask = received(get, ["mask"], () => asUint8(get("mask")));
  return { data, mask };
}

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const { data, mask } = lensReader(model);
  const update = () => view.update(choicesOf(model), data(), mask(), model.get("_answered"));
  const choose = following(model, DRAWN, update, life.signal);
  /** @param {Record<string, unknown>} change */
  const send = (change) => {
    const number = model.get("_asked") + 1;
    choose({ ...change, _asked: number });
    return number;
  };
  const rest = () => {
    const painting = model.get("_painting");
    return model.get("_numbers_of") === painting ? null : { _numbers_asked: painting };
  };
  const wires = { choose, send: hasKernel(model) ? send : null, rest };
  const meta = model.get("_meta");
  const small = smallPictures(meta.thumb, asUint8(model.get("_thumbs")));
  const view = new InfillView({ ...meta, small }, data(), choicesOf(model), mask(), wires);
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
