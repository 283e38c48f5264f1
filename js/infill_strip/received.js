// What the kernel sends of an infilling, decoded.
import { asFloat32, asUint8 } from "../lib/bytes.js";
import { Numbers } from "./numbers.js";
import { Painting } from "./painting.js";

/** @typedef {(name: string) => any} Get  a trait by its name */

/** @param {Get} get @param {import("./painting.js").Meta} meta */
export function paintingOf(get, meta) {
  const pixels = { original: asUint8(get("_original")), painted: asUint8(get("_painted")), mask: asUint8(get("_painted_mask")) };
  return new Painting(meta, pixels, get("_painted_image"));
}

/** @param {Get} get @param {import("./painting.js").Meta} meta */
export function numbersOf(get, { state_names, rows, cols }) {
  return new Numbers(state_names.length, rows * cols, asFloat32(get("_scores")), asFloat32(get("_patch_errors")), get("_converged"));
}

/** @param {Get} get @returns {import("./scene.js").Data["objects"]} */
export function objectsOf(get) {
  const masks = asUint8(get("_object_masks"));
  /** @type {string[]} */
  const names = get("_object_names");
  const size = masks.length / Math.max(1, names.length);
  return names.map((name, i) => ({ name, mask: masks.slice(i * size, (i + 1) * size) }));
}
