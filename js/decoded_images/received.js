// What the kernel sends of pictures, decoded.
import { asFloat32, asUint8 } from "../lib/bytes.js";
import { received } from "../lib/received.js";
import { Made } from "./made.js";
import { keyOf, singleOf } from "./singles.js";

/** @typedef {(name: string) => any} Get  a trait by its name */
/** @typedef {import("./scene.js").Picture} Picture */

/** Traits with all pictures, as WHOLE_OF in work.py: a piece of them comes by itself. */
const WHOLE = /** @type {const} */ (["_states", "_heads"]);
const NEWS = "_news";

const INPUT = ["_input", "_of_image"];
const BYTES = ["_states", "_attention", "_heads"];
const NUMBERS = ["_state_numbers", "_other_numbers", "_attention_top", "_effects", "_head_numbers", "_random_numbers"];
const REST = ["_order", "_words", "_told", "_names", "_left_to_make"];

/** The traits that hold what is drawn. */
export const DATA = [...INPUT, ...BYTES, ...NUMBERS, ...REST, NEWS];

/**
 * Puts each piece among the pictures that are here, in the model's own bytes: all views have them.
 * @param {import("../lib/following.js").Followed & { get: Get }} model
 * @param {AbortSignal} life
 */
export function keepNews(model, life) {
  const keep = () => putNews((name) => model.get(name));
  model.on(`change:${NEWS}`, keep);
  life.addEventListener("abort", () => model.off(`change:${NEWS}`, keep));
}

/** @param {Get} get */
export function putNews(get) {
  const view = /** @type {DataView} */ (get(NEWS));
  if (!view?.byteLength) return;
  const [which, count] = [view.getInt32(0, true), view.getInt32(4, true)];
  const name = WHOLE[/** @type {0 | 1} */ (which)];
  const [height, width] = get("_meta")[name === "_states" ? "state_size" : "head_size"];
  const bytes = 3 * height * width;
  const [whole, pixels] = [get(name), new Uint8Array(view.buffer, view.byteOffset + 8 + 4 * count, count * bytes)];
  for (let i = 0; i < count; i++) {
    const at = bytes * view.getInt32(8 + 4 * i, true);
    new Uint8Array(whole.buffer, whole.byteOffset + at, bytes).set(pixels.subarray(i * bytes, (i + 1) * bytes));
  }
}

/** @param {Get} get @returns {() => Made} */
export function dataReader(get) {
  const input = received(get, INPUT, () => {
    const [height, width] = get("_meta").input_size;
    return { rgb: asUint8(get("_input")), width, height, similarity: 1, before: NaN, named: null };
  });
  const [states, attention, heads] = BYTES.map((name) => received(get, name === "_attention" ? [name] : [name, NEWS], () => asUint8(get(name))));
  const numbers = NUMBERS.map((name) => received(get, [name], () => asFloat32(get(name))));
  return received(get, DATA, () => {
    const [stateNumbers, others, attentionTop, effects, headNumbers, random] = numbers.map((read) => read());
    const rest = { image: get("_of_image"), order: get("_order"), words: get("_words"), told: get("_told"), names: get("_names"), left: get("_left_to_make") };
    const bytes = { states: states?.(), attention: attention?.(), heads: heads?.() };
    const sent = { ...bytes, stateNumbers, others, attentionTop, effects, headNumbers, random, ...rest };
    return new Made(get("_meta"), /** @type {import("./made.js").Sent} */ (sent), input());
  });
}

/** Those that a page without a kernel has. @param {Get} get @returns {Map<string, Picture>} */
export function savedSingles(get) {
  const size = get("_meta").size;
  const [pixels, bytes] = [asUint8(get("_saved_pixels")), 3 * size[0] * size[1]];
  return new Map((get("_saved") ?? []).map((/** @type {any} */ said, /** @type {number} */ i) => [keyOf(said), singleOf(said, pixels.subarray(i * bytes, (i + 1) * bytes), size)]));
}
