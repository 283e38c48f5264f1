// The large view: one state's picture, its error, both with a wipe between, the image, or the mask.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { placeRing, ring, sizePicture } from "../lib/patch_cells.js";
import { pictureCanvas, put } from "./canvases.js";
import { paintGrid } from "./paint_grid.js";
import { maskDrawings, places } from "./stills.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Of patches that are not scored. */
export const NOT_SCORED = Object.freeze({
  light: /** @type {[number, number, number]} */ ([236, 236, 236]),
  dark: /** @type {[number, number, number]} */ ([44, 44, 44]),
});

/** @param {import("./painting.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function large(meta, actions) {
  const canvas = pictureCanvas("vl-infilled");
  const error = pictureCanvas("vl-infilled vl-error-map");
  const hatch = element("canvas", "vl-hatch", { "aria-hidden": "true" });
  const passing = ring("vl-ring-passing");
  const cells = paintGrid(meta, "Large view: patches", actions);
  const wiper = wipeParts(meta, actions);
  const node = element("div", "vl-picture", {}, canvas, error, hatch, element("div", "vl-gridlines"), passing, cells.node, ...wiper.nodes);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], (s) => sizePicture(node, s.layout.large.cell, meta)),
    whenChanged((s) => [s.data.painting, s.choices.state, s.choices.paste, isStill(s)], (s) => {
      const { painting } = s.data;
      put(canvas, isStill(s) ? painting.whole() : painting.picture(s.choices.state, s.choices.paste));
    }),
    whenChanged((s) => [s.data.painting, s.choices.state, s.choices.reference, hasError(s), s.dark], (s) => {
      if (!hasError(s)) return;
      put(error, s.data.painting.error(s.choices.state, s.choices.reference, NOT_SCORED[s.dark ? "dark" : "light"]));
    }),
    whenChanged((s) => [s.choices.view], ({ choices: { view } }) => {
      node.dataset["view"] = view;
      error.hidden = view !== "error" && view !== "wipe";
      hatch.hidden = view !== "masked";
      cells.node.hidden = view === "wipe";
      wiper.nodes.forEach((one) => (one.hidden = view !== "wipe"));
      error.style.clipPath = view === "wipe" ? "inset(0 0 0 var(--vl-wipe))" : "";
    }),
    whenChanged((s) => [s.wipe], (s) => wiper.place(node, s.wipe)),
    whenChanged((s) => [s.choices.reference], (s) => wiper.name(s.choices.reference)),
    ...maskDrawings(meta, hatch, cells.all, ({ layout }) => layout.large.cell),
    whenChanged((s) => [s.patch, s.layout], (s) => placeRing(passing, s.patch, places(meta), s.layout.large.cell)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** Whether the image itself is shown, masked or not. @param {Scene} scene */
const isStill = ({ choices: { view } }) => view === "original" || view === "masked";

/** @param {Scene} scene */
const hasError = ({ choices: { view } }) => view === "error" || view === "wipe";

/**
 * A range input over the whole picture, the line it moves, and the names of both sides.
 * @param {{ rows: number, cols: number }} grid
 * @param {import("./scene.js").Actions} actions
 */
function wipeParts({ rows, cols }, actions) {
  const range = element("input", "vl-wipe", { type: "range", min: 0, max: 1000, "aria-label": "How much of the picture is shown before its error" });
  const line = element("div", "vl-wipe-line", { "aria-hidden": "true" }, element("div", "vl-wipe-knob", {}, "◂▸"));
  const left = element("div", "vl-side-name vl-side-left", {}, "infilled");
  const right = element("div", "vl-side-name vl-side-right");
  range.addEventListener("input", () => actions.wipe(Number(range.value) / 1000));
  range.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const at = { row: Math.floor((offsetY / range.clientHeight) * rows), col: Math.floor((offsetX / range.clientWidth) * cols) };
    const isInside = at.row >= 0 && at.row < rows && at.col >= 0 && at.col < cols;
    actions.pass(isInside ? at.row * cols + at.col : null);
  });
  range.addEventListener("pointerleave", () => actions.pass(null));
  range.addEventListener("keydown", (event) => event.stopPropagation());
  return {
    nodes: [left, right, line, range],
    /** @param {HTMLElement} node @param {number} place */
    place: (node, place) => {
      range.value = String(Math.round(1000 * place));
      range.setAttribute("aria-valuetext", `${Math.round(100 * place)} % picture`);
      node.style.setProperty("--vl-wipe", `${100 * place}%`);
      left.classList.toggle("vl-covered", place < 0.25);
      right.classList.toggle("vl-covered", place > 0.6);
    },
    /** @param {import("./painting.js").Reference} reference */
    name: (reference) => fill(right, `error to the ${reference}`),
  };
}
