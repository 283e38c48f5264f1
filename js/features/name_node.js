// A feature's name: the emoji of the class that it tells best; where nobody knows classes, three of
// its strongest patches: a picture says what a number does not.
import { element, setAttributes } from "../lib/dom.js";
import { shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Emoji of a class; its first letters stand in the title. @param {import("../lib/labels.js").Label | undefined} label */
export const classMark = (label) => element("span", "vl-mark vl-emoji", { "aria-hidden": "true", title: label?.name ?? null }, label ? label.emoji || "·" : "·");

/** @param {Scene} scene @param {number} id @param {number} most  crops */
export function nameNodes(scene, id, most) {
  const { meta, catalogue } = scene;
  const at = catalogue.of(id);
  const name = element("span", "vl-feature-name", {}, shortName(at, meta));
  if (meta.has_classes) return [classMark(meta.labels[catalogue.best(id)]), name];
  const found = scene.lookAt(["crops", at.layer, at.feature, -1, -1, -1]);
  return found || scene.canAsk ? [cropsNode(found, most), name] : [name]; // no room for what cannot come
}

/** @param {import("./scene.js").Found | null} found @param {number} most */
function cropsNode(found, most) {
  const node = element("span", "vl-crops", { "aria-hidden": "true" });
  const crops = /** @type {Uint8Array} */ (found?.arrays["crops"] ?? new Uint8Array());
  const count = found?.said.at.length ?? most;
  const side = count ? Math.round(Math.sqrt(crops.length / 3 / count)) : 0;
  for (let i = 0; i < most; i++) {
    const canvas = element("canvas", "vl-crop", { width: side || 1, height: side || 1 });
    if (i < count && crops.length) paintRgb(canvas, crops.subarray(i * side * side * 3, (i + 1) * side * side * 3));
    node.append(canvas);
  }
  return node;
}

/** @param {HTMLCanvasElement} canvas  of that size @param {Uint8Array} rgb */
export function paintRgb(canvas, rgb) {
  const pixels = new ImageData(canvas.width, canvas.height);
  for (let i = 0, o = 0; i < rgb.length; i += 3, o += 4) {
    pixels.data[o] = rgb[i] ?? 0;
    pixels.data[o + 1] = rgb[i + 1] ?? 0;
    pixels.data[o + 2] = rgb[i + 2] ?? 0;
    pixels.data[o + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** @param {HTMLElement} node @param {boolean} isChosen */
export function markChosen(node, isChosen) {
  node.classList.toggle("vl-chosen", isChosen);
  setAttributes(node, { "aria-current": isChosen ? "true" : null });
}
