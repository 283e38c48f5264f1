// Pictures on canvases, at their own size; the page scales them smoothly.
import { element } from "../lib/dom.js";
import { prepared } from "../lib/tinting.js";

/** @typedef {import("./scene.js").Picture} Picture */

/** What a canvas shows. @type {WeakMap<HTMLCanvasElement, Uint8Array>} */
const shown = new WeakMap();

/** @param {string} className @param {string} [label]  of a picture that is no button's */
export function pictureCanvas(className = "", label) {
  const how = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return element("canvas", `vl-canvas ${className}`, { ...how, width: 1, height: 1 });
}

/** @param {HTMLCanvasElement} canvas @param {Picture | null} picture  null leaves it empty */
export function put(canvas, picture) {
  if (!picture) {
    shown.delete(canvas);
    canvas.width = canvas.height = 1;
    return;
  }
  if (shown.get(canvas) === picture.rgb) return;
  shown.set(canvas, picture.rgb);
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d")?.putImageData(new ImageData(prepared(picture.rgb, null), picture.width, picture.height), 0, 0);
}
