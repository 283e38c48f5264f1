// The large picture: one state on a canvas, the grid of patches over it, and the marks.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { SMALLEST_FLAGGED, patchCells, placeRing, ring, select, sizePicture } from "../lib/patch_cells.js";
import { drawPanel } from "./panel.js";
import { spoken } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./reading.js").Reading} Reading */

/**
 * @param {Reading} reading
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function picture(reading, actions) {
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const veil = element("canvas", "vl-veil", { width: reading.cols, height: reading.rows, "aria-hidden": "true" });
  const marks = { passing: ring("vl-ring-passing"), pinned: ring("vl-ring-pinned") };
  const cells = patchCells(reading, "Patches and their top answers", {
    pass: actions.pass,
    choose: (token) => actions.choose({ token: isSelected(cells.all[token - reading.nPrefix]) ? null : token }),
  });
  const lines = element("div", "vl-gridlines");
  const node = element("div", "vl-picture", {}, canvas, lines, veil, marks.passing, marks.pinned, cells.node);

  const drawings = [
    whenChanged(sizeOf, (/** @type {Scene} */ s) => sizePicture(node, s.layout.cell, reading)),
    whenChanged(
      (s) => [...sizeOf(s), s.reading, s.state, s.tint, s.scale, s.glyph, s.columns, s.dark, s.changed],
      (scene) => {
        const { pictureWidth: width, pictureHeight: height, cell } = scene.layout;
        drawPanel(canvas, scene, scene.state, { width, height, cell, large: true });
      },
    ),
    whenChanged(
      (s) => [s.reading, s.state, s.columns],
      (scene) => cells.all.forEach((cell, i) => cell.setAttribute("aria-label", spoken(scene, reading.nPrefix + i))),
    ),
    whenChanged((s) => [s.highlight, s.reading, s.state, s.dark, s.tint], (scene) => drawVeil(veil, scene)),
    whenChanged((s) => [s.token], (s) => select(cells.all, (i) => s.token === reading.nPrefix + i)),
    whenChanged((s) => [s.passing, s.token, ...sizeOf(s)], (scene) => placeMarks(marks, scene)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
const sizeOf = ({ layout, ratio }) => [layout.pictureWidth, layout.pictureHeight, ratio];

/** @param {HTMLElement | undefined} cell */
const isSelected = (cell) => cell?.getAttribute("aria-selected") === "true";

/** @param {{ passing: HTMLElement, pinned: HTMLElement }} marks @param {Scene} scene */
function placeMarks(marks, { reading, passing, token, layout }) {
  const shown = passing === reading.readout ? null : passing;
  placeRing(marks.passing, shown === token ? null : shown, reading, layout.cell);
  placeRing(marks.pinned, token, reading, layout.cell);
  marks.pinned.classList.toggle("vl-flagged", layout.cell >= SMALLEST_FLAGGED);
}

/** Veils all patches but those of the class that is to stand out. @param {HTMLCanvasElement} veil @param {Scene} scene */
function drawVeil(veil, { reading, highlight, state, dark, tint }) {
  veil.hidden = highlight === null;
  const context = veil.getContext("2d");
  if (highlight === null || !context) return;
  context.clearRect(0, 0, veil.width, veil.height);
  context.fillStyle = tint === "class" && !dark ? "rgba(255,255,255,.72)" : "rgba(0,0,0,.62)";
  for (let patch = 0; patch < reading.nPatches; patch++) {
    if (reading.topClass(state, reading.nPrefix + patch) === highlight) continue;
    context.fillRect(patch % reading.cols, Math.floor(patch / reading.cols), 1, 1);
  }
}
