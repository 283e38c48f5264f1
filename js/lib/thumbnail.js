// The original image, once and small: a tinted picture alone cannot be checked.
import { element, setAttributes } from "./dom.js";

/**
 * @typedef {object} Thumbnail
 * @property {HTMLElement} node
 * @property {(grounds: import("./grounds.js").Grounds, which: string, caption: string) => void} show  another image, to be drawn then
 * @property {(width: number, height: number, ratio: number) => void} draw
 */

/**
 * @param {import("./grounds.js").Grounds} grounds
 * @param {string} which  "image", or which one of several
 * @param {string} caption
 * @returns {Thumbnail}
 */
export function thumbnail(grounds, which, caption) {
  const canvas = element("canvas", "vl-canvas", { role: "img", "aria-label": "the image as the model saw it" });
  const [name, words] = [element("span", "vl-thumb-name"), element("span", "vl-thumb-caption")];
  const node = element("figure", "vl-thumb", {}, canvas, element("figcaption", "", {}, name, words));
  let shown = grounds;
  /** @type {Thumbnail["show"]} */
  const show = (grounds, which, caption) => {
    shown = grounds;
    name.textContent = which;
    words.textContent = caption;
    setAttributes(words, { title: caption });
  };
  show(grounds, which, caption);
  /** @param {number} width @param {number} height @param {number} ratio */
  const draw = (width, height, ratio) => {
    setAttributes(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.getContext("2d")?.putImageData(shown.copy("plain", canvas.width, canvas.height), 0, 0);
  };
  return { node, show, draw };
}
