// The original image, and the masked one, which is the surface to paint on.
import { element, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { placeRing, ring, select, sizePicture } from "../lib/patch_cells.js";
import { pictureCanvas, put } from "./canvases.js";
import { drawHatch } from "../lib/hatch.js";
import { paintGrid } from "./paint_grid.js";
import { placeWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Part} Part */

/**
 * A picture under its name, which is the button that shows it large.
 * @param {"original" | "masked"} view
 * @param {string} hint
 * @param {Actions} actions
 * @param {...Node} children
 */
function still(view, hint, actions, ...children) {
  const name = element("button", "vl-still-name", { type: "button", title: `Show the ${view} image large` }, view);
  const frame = element("div", "vl-frame", {}, ...children);
  const head = element("div", "vl-still-head", {}, name, hint ? element("span", "vl-secondary", {}, hint) : null);
  const node = element("div", `vl-still vl-still-${view}`, {}, head, frame);
  let isOn = false;
  name.addEventListener("click", () => actions.choose({ view: isOn ? "picture" : view }));
  const showOn = whenChanged((/** @type {Scene} */ s) => [s.choices.view], (s) => {
    isOn = s.choices.view === view;
    setAttributes(name, { "aria-pressed": String(isOn) });
    node.classList.toggle("vl-current", isOn);
  });
  return { node, frame, showOn };
}

/** @param {import("./painting.js").Meta} meta @param {Actions} actions @returns {Part} */
export function original(meta, actions) {
  const canvas = pictureCanvas("", "the image as the model sees it whole");
  const passing = ring("vl-ring-passing");
  const { node, frame, showOn } = still("original", "", actions, canvas, passing);
  const drawings = [
    showOn,
    sized(frame, meta),
    whenChanged((/** @type {Scene} */ s) => [s.data.painting.original], (s) => put(canvas, s.data.painting.whole())),
    whenChanged((s) => [s.patch, s.layout], (s) => placeRing(passing, s.patch, places(meta), s.layout.still.cell)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {import("./painting.js").Meta} meta @param {Actions} actions @param {string} hint @returns {Part} */
export function masked(meta, actions, hint) {
  const canvas = pictureCanvas("");
  const hatch = element("canvas", "vl-hatch", { "aria-hidden": "true" });
  const passing = ring("vl-ring-passing");
  const cells = paintGrid(meta, "Mask: patches", actions);
  const { node, frame, showOn } = still("masked", hint, actions, canvas, hatch, passing, cells.node);
  const drawings = [
    showOn,
    sized(frame, meta),
    whenChanged((/** @type {Scene} */ s) => [s.data.painting.original], (s) => put(canvas, s.data.painting.whole())),
    ...maskDrawings(meta, hatch, cells.all, ({ layout }) => layout.still.cell),
    whenChanged((s) => [s.patch, s.layout], (s) => placeRing(passing, s.patch, places(meta), s.layout.still.cell)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/**
 * The hatch, and what is said of each patch.
 * @param {import("./painting.js").Meta} meta
 * @param {HTMLCanvasElement} hatch
 * @param {HTMLElement[]} cells
 * @param {(scene: Scene) => number} cellOf
 */
export const maskDrawings = (meta, hatch, cells, cellOf) => [
  whenChanged((/** @type {Scene} */ s) => [s.mask, s.layout, s.ratio, s.dark], (s) =>
    drawHatch(hatch, s.mask, meta, { cell: cellOf(s), ratio: s.ratio, dark: s.dark }),
  ),
  whenChanged((/** @type {Scene} */ s) => [s.mask], ({ mask }) => {
    select(cells, (i) => mask[i] === 1);
    cells.forEach((cell, i) => {
      const words = `${placeWords(meta, i)}, ${mask[i] ? "masked" : "visible"}`;
      if (cell.getAttribute("aria-label") !== words) cell.setAttribute("aria-label", words);
    });
  }),
];

/** @param {HTMLElement} frame @param {import("./painting.js").Meta} meta */
const sized = (frame, meta) =>
  whenChanged((/** @type {Scene} */ s) => [s.layout], (s) => sizePicture(frame, s.layout.still.cell, meta));

/** @param {{ rows: number, cols: number }} grid */
export const places = ({ rows, cols }) => ({ rows, cols, nPrefix: 0 });
