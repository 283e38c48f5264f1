// The original image, small: a tinted picture alone cannot be checked.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { imageWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const SIDE = 56;

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function original(meta) {
  const canvas = element("canvas", "vl-canvas", { role: "img", "aria-label": "the image as the model saw it" });
  const name = element("span", "vl-thumb-name");
  const words = element("span", "vl-hint");
  const node = element("figure", "vl-original", {}, canvas, element("figcaption", "", {}, name, words));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.picture, s.ratio], ({ picture, ratio, overview }) => {
      const longer = Math.max(meta.rows, meta.cols);
      const [width, height] = [(SIDE * meta.cols) / longer, (SIDE * meta.rows) / longer];
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
      canvas.getContext("2d")?.putImageData(picture.grounds.copy("plain", canvas.width, canvas.height), 0, 0);
      name.textContent = imageWords(overview.image, meta);
    }),
    whenChanged((s) => [s.choices.direction, s.pinned, s.tokens], (s) => (words.textContent = hint(s))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** What pointing and clicking do now. @param {Scene} scene */
function hint({ choices: { direction }, pinned, tokens }) {
  const [anchor, other] = direction === "to" ? ["query", "key"] : ["key", "query"];
  const isPinned = (direction === "to" ? pinned.query : pinned.key) !== null;
  const gone = tokens.dropped.length ? " Veiled patches are not in the sequence." : "";
  if (isPinned) return `Point at a patch to take it as ${other}; click pins it. Click the ${anchor} again to let it go.${gone}`;
  return `Point at a patch to see what it ${direction === "to" ? "attends to" : "is attended by"}; click pins it.${gone}`;
}
