// AttentionMaps' entry: the only file of the widget that knows the notebook's `model`.
import { asking } from "../lib/asking.js";
import { asFloat32, asInt32, asUint8 } from "../lib/bytes.js";
import { following } from "../lib/following.js";
import { Grounds } from "../lib/grounds.js";
import { smallPictures } from "../lib/image_control.js";
import { emojiOf, isBackground } from "../lib/labels.js";
import { received } from "../lib/received.js";
import { overviewOf, putFirst, putSaved, statisticsOf } from "./received.js";
import { AttentionView } from "./view.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("../lib/host.js").Model} Model */

const CHOICES = ["layer", "head", "token", "key", "image", "show", "kind", "scale", "norm", "direction", "sort", "order", "color", "error"];
const OF_MAPS = ["_overview_of", "_codes", "_ranges", "_thumb_ranges"];
const OF_IMAGE = ["_statistics", "_statistic_words", "_picture", "_picture_size", "_answer", "_answer_probability", "_labels"];
const DRAWN = [...CHOICES, ...OF_MAPS, ...OF_IMAGE];

/** @param {Model} model @returns {import("./scene.js").Picture} */
function pictureOf(model) {
  const [height, width] = model.get("_picture_size");
  const n = model.get("_meta").tokens.length;
  const [index, probability] = [asInt32(model.get("_answer")), asFloat32(model.get("_answer_probability"))];
  /** @type {[string, string][]} */
  const labels = model.get("_labels");
  return {
    grounds: new Grounds(asUint8(model.get("_picture")), width, height),
    answer: (layer, position) => {
      const at = layer * n + position;
      const [name = "", emoji = ""] = labels[index[at] ?? -1] ?? [];
      if (index.length === 0) return null;
      const label = { index: index[at] ?? 0, name, brief: name, emoji: isBackground(name) ? "" : emojiOf(emoji) };
      return { label, probability: probability[at] ?? NaN };
    },
  };
}

/** @param {Model} model @returns {Choices} */
const choicesOf = (model) => /** @type {Choices} */ (Object.fromEntries(CHOICES.map((name) => [name, model.get(name)])));

/** What the kernel sent, decoded. @param {Model} model */
function reader(model) {
  const get = (/** @type {string} */ name) => model.get(name);
  const overview = received(get, OF_MAPS, () => overviewOf(get));
  const statistics = received(get, ["_statistics", "_statistic_words"], () => statisticsOf(get));
  const picture = received(get, OF_IMAGE.slice(2), () => pictureOf(model));
  return () => /** @type {Data} */ ({ overview: overview(), statistics: statistics(), picture: picture() });
}

/** @param {{ model: Model, el: HTMLElement }} host */
function render({ model, el }) {
  const life = new AbortController();
  const dataOf = reader(model);
  const ask = asking(model, life.signal);
  const update = () => view.update(choicesOf(model), dataOf());
  const choose = following(model, DRAWN, update, life.signal);
  const meta = model.get("_meta");
  const view = new AttentionView({ ...meta, small: smallPictures(meta.thumb, asUint8(model.get("_thumbs"))) }, dataOf(), choicesOf(model), ask, choose);
  putFirst(view.kernel, (name) => model.get(name));
  putSaved(view.kernel, (name) => model.get(name));
  el.append(view.node);
  return () => {
    life.abort();
    view.destroy();
  };
}

export default { render };
