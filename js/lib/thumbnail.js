// The original image, once and small: a tinted picture alone cannot be checked.
import { element, setAttributes } from "./dom.js";

/** @typedef {{ node: HTMLElement, draw: (width: number, height: number, ratio: number) => void }} Thumbnail */

/**
 * @param {import("./grounds.js").Grounds} grounds
 * @param {string} which  "image", or which one of several
 * @param {string} caption
 * @returns {Thumbnail}
 */
export function thumbnail(grounds, which, caption) {
  const canvas = element("canvas", "vl-canvas", { role: "img", "aria-label": "the image as the model saw it" });
  const node = element(
    "figure",
    "vl-thumb",
    {},
    canvas,
    element("figcaption", "", {}, element("span", "vl-thumb-name", {}, which), element("span", "vl-thumb-caption", { title: caption }, caption)),
  );
  /** @param {number} width @param {number} height @param {number} ratio */
  const draw = (width, height, ratio) => {
    setAttributes(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.getContext("2d")?.putImageData(grounds.copy("plain", canvas.width, canvas.height), 0, 0);
  };
  return { node, draw };
}
