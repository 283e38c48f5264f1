// What the kernel sends of attention, decoded.
import { asFloat32, asUint8 } from "../lib/bytes.js";
import { Overview } from "./map_cache.js";

/** @typedef {(name: string) => any} Get  a trait by its name */

/** @param {Get} get */
export function overviewOf(get) {
  const { n_heads: nHeads, side, tokens } = get("_meta");
  const sizes = { nHeads, side, n: tokens.length };
  return new Overview(get("_overview_of") ?? {}, sizes, asUint8(get("_codes")), asFloat32(get("_ranges")), asFloat32(get("_thumb_ranges")));
}

/** @param {Get} get @returns {import("./scene.js").Statistic[]} */
export function statisticsOf(get) {
  const { n_layers, n_heads } = get("_meta");
  const [every, count] = [asFloat32(get("_statistics")), n_layers * n_heads];
  return (get("_statistic_words") ?? []).map((/** @type {any} */ words, /** @type {number} */ i) => {
    const values = every.subarray(i * count, (i + 1) * count);
    const known = values.filter((value) => !Number.isNaN(value));
    return { ...words, values, least: Math.min(...known), most: Math.max(...known) };
  });
}

/**
 * The map that is sent before it is asked for.
 * @param {ReturnType<typeof import("./kernel.js").ofTheKernel>} kernel
 * @param {Get} get
 */
export function putFirst(kernel, get) {
  const first = get("_first");
  const codes = asUint8(get("_first_codes"));
  kernel.maps.put(first, first, codes);
  const numbers = asFloat32(get("_first_exact"));
  const { whole, query = null, key = null } = first;
  let at = 0;
  const next = (/** @type {number} */ size) => numbers.slice(at, (at += size));
  const n = get("_meta").tokens.length;
  const ofKind = () => (whole ? [next(codes.length)] : [next(query === null ? 0 : n), next(key === null ? 0 : n)]);
  kernel.exact.put(first, first, first.kinds.flatMap(ofKind));
}

/**
 * Maps and numbers that were saved with a page that has no kernel, each after the other.
 * @param {ReturnType<typeof import("./kernel.js").ofTheKernel>} kernel
 * @param {Get} get
 */
export function putSaved(kernel, get) {
  const codes = asUint8(get("_saved_codes"));
  const numbers = asFloat32(get("_saved_exact"));
  const size = get("_meta").tokens.length ** 2;
  let [code, number] = [0, 0];
  for (const saved of get("_saved") ?? []) {
    if (saved.has_codes) kernel.maps.put(saved, saved, codes.slice(code, (code += size)));
    const kinds = /** @type {string[]} */ (saved.kinds);
    if (kinds.length) kernel.exact.put(saved, saved, kinds.map(() => numbers.slice(number, (number += size))));
  }
}
