// Pictures on canvases of their own size; the browser scales them.
import { element } from "../lib/dom.js";

/** @param {string} className @param {string} [label]  for those who do not see it; without one it says nothing new */
export const pictureCanvas = (className, label) =>
  element("canvas", `vl-canvas ${className}`, label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" });

/** @param {HTMLCanvasElement} canvas @param {ImageData} image */
export function put(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    Object.assign(canvas, { width: image.width, height: image.height });
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
