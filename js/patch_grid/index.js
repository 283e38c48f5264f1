// PatchGrid's entry: the only file of the widget that knows the notebook's `model`.
import { asking, hasKernel } from "../lib/asking.js";
import { asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { smallPictures } from "../lib/image_control.js";
import { received } from "../lib/received.js";
import { keepingFocus, promptField } from "./prompts.js";
import { runsReader } from "./received.js";
import { PatchGridView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["image", "state", "token", "target", "glyph", "tint", "prompts", "lens", "beside", "difference", "error"];
const DRAWN = [...CHOICES, "_target_of", "_meta", "_known", "_others"];

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
  const picture = received(get, ["_picture"], () => asUint8(get("_picture")));
  const read = runsReader(get, picture);
  const choices = () => choicesOf(model, /** @type {import("./runs.js").Run} */ (read()[0]).reading);
  const update = () => {
    if (view.labels !== get("_labels")) remake();
    else view.update(choices(), read());
  };
  const small = smallPictures(get("_meta").thumb, asUint8(get("_thumbs")));
  const choose = following(model, DRAWN, update, life.signal);
  const canAsk = hasKernel(model);
  const ask = asking(model, life.signal);
  const prompts = canAsk && get("_meta").prompts ? promptField((asked) => choose({ prompts: asked, error: "" })) : null;
  const make = () => new PatchGridView(read(), choices(), { small, canAsk, ask }, choose, prompts);
  let view = make();
  // Other prompts are other classes: all that is drawn of them is made anew.
  const remake = () =>
    keepingFocus(prompts, () => {
      const before = view;
      view = make();
      view.replace(before);
    });
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
