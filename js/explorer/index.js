// Explorer's entry: the only file of the widget that knows the notebook's `model`.
import { asking, hasKernel } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { received } from "../lib/received.js";
import { putFirst, putSaved } from "../attention_maps/received.js";
import { DATA_EVENTS, dataReader } from "./data.js";
import { promptField } from "../patch_grid/prompts.js";
import { ExplorerView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["state", "token", "key", "head", "target", "knocked_out", "run", "glyph", "tint", "direction", "scale", "sort", "order", "prompts", "lens", "beside", "difference", "infill_state", "mask_ratio", "seed", "paste", "reference", "error"];
const DRAWN = [...new Set([...CHOICES, ...DATA_EVENTS])];

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ ({ ...Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])), prompts: model.get("prompts") ?? [] });

/**
 * @param {Model} model
 * @param {(change: Record<string, unknown>) => void} choose
 * @param {AbortSignal} life
 * @returns {import("./view.js").Wires}
 */
function wiresOf(model, choose, life) {
  const ask = asking(model, life);
  const send = (/** @type {Record<string, unknown>} */ change) => {
    const number = model.get("_asked") + 1;
    choose({ ...change, _asked: number });
    return number;
  };
  const rest = () => {
    const painting = model.get("_painting");
    return model.get("_numbers_of") === painting ? null : { _numbers_asked: painting };
  };
  return { choose, ask: ask && unlessGone(ask), mask: { choose, send: hasKernel(model) ? send : null, rest } };
}

/**
 * A question about a run that has been replaced meanwhile is given up without a word: what takes its
 * place is on its way, and asks again.
 * @param {import("../lib/requests.js").Ask} ask
 * @returns {import("../lib/requests.js").Ask}
 */
const unlessGone = (ask) => async (name, message, buffers) => {
  const answer = await ask(name, message, buffers);
  if (answer[0].gone) throw new DOMException("", "AbortError");
  return answer;
};

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const get = (/** @type {string} */ name) => model.get(name);
  const data = dataReader(get);
  const mask = received(get, ["mask"], () => asUint8(get("mask")));
  const wires = wiresOf(model, following(model, DRAWN, () => update(), life.signal), life.signal);
  const prompts = wires.ask && get("_meta").prompts ? promptField((asked) => wires.choose({ prompts: asked, error: "" })) : null;
  const view = new ExplorerView(get("_meta"), get("_infill_meta"), data(), choicesOf(model), mask(), wires, prompts);
  let first = get("_first");
  putFirst(view.kernel, get);
  putSaved(view.kernel, get);
  const update = () => {
    if (get("_first") !== first) putFirst(view.kernel, get);
    first = get("_first");
    if (get("_labels") !== view.data.baseline.reading.source.labels) view.rename(get("_meta"), data());
    view.update(choicesOf(model), data(), mask(), get("_answered"));
  };
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
