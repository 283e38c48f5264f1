// The large picture: one state on a canvas, the grid of patches over it, and the marks.
import { element, setAttributes } from "../lib/dom.js";
import { moved } from "../lib/grid_keys.js";
import { whenChanged } from "../lib/changes.js";
import { drawPanel } from "./panel.js";
import { spoken } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./reading.js").Reading} Reading */

/**
 * @param {Reading} reading
 * @param {import("./grounds.js").Grounds} grounds
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function picture(reading, grounds, actions) {
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const veil = element("canvas", "vl-veil", { width: reading.cols, height: reading.rows, "aria-hidden": "true" });
  const marks = { passing: mark("vl-ring-passing"), pinned: mark("vl-ring-pinned") };
  const cells = patchCells(reading);
  const grid = element("div", "vl-cells", gridAttributes(reading), ...cells.rows);
  const lines = element("div", "vl-gridlines");
  const node = element("div", "vl-picture", {}, canvas, lines, veil, marks.passing, marks.pinned, grid);
  listen(grid, reading, actions);

  const drawings = [
    whenChanged(sizeOf, (scene) => resize(node, scene)),
    whenChanged(
      (s) => [...sizeOf(s), s.layer, s.tint, s.glyph, s.columns, s.dark],
      (scene) => {
        const { pictureWidth: width, pictureHeight: height, cell } = scene.layout;
        drawPanel(canvas, grounds, scene, scene.layer, { width, height, cell, large: true });
      },
    ),
    whenChanged(
      (s) => [s.layer, s.columns],
      (scene) => cells.all.forEach((cell, i) => cell.setAttribute("aria-label", spoken(scene, reading.nPrefix + i))),
    ),
    whenChanged((s) => [s.highlight, s.layer, s.dark, s.tint], (scene) => drawVeil(veil, scene)),
    whenChanged((s) => [s.token], (scene) => select(cells.all, scene)),
    whenChanged((s) => [s.passing, s.token, ...sizeOf(s)], (scene) => placeMarks(marks, scene)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
const sizeOf = ({ layout, ratio }) => [layout.pictureWidth, layout.pictureHeight, ratio];

/** @param {string} className */
const mark = (className) => element("div", `vl-ring ${className}`, { hidden: true });

/** @param {Reading} reading */
const gridAttributes = ({ rows, cols }) => ({
  role: "grid",
  "aria-label": "Patches and their top answers",
  "aria-rowcount": rows,
  "aria-colcount": cols,
});

/** @param {Reading} reading */
function patchCells(reading) {
  const all = Array.from({ length: reading.nPatches }, (_, i) =>
    element("div", "vl-cell", {
      role: "gridcell",
      tabindex: i === 0 ? 0 : -1,
      "data-token": reading.nPrefix + i,
      "aria-colindex": (i % reading.cols) + 1,
    }),
  );
  const rows = Array.from({ length: reading.rows }, (_, row) =>
    element(
      "div",
      "vl-cell-row",
      { role: "row", "aria-rowindex": row + 1 },
      ...all.slice(row * reading.cols, (row + 1) * reading.cols),
    ),
  );
  return { all, rows };
}

/** @param {HTMLElement} node @param {Scene} scene */
function resize(node, { layout, reading }) {
  node.style.width = `${layout.pictureWidth}px`;
  node.style.height = `${layout.pictureHeight}px`;
  node.style.setProperty("--vl-cell", `${layout.cell}px`);
  node.style.setProperty("--vl-cols", String(reading.cols));
  node.classList.toggle("vl-fine", layout.cell < SMALLEST_RULED);
}

/** Below this cell size, lines between patches would hide the picture. */
const SMALLEST_RULED = 16;
/** From this cell size on, a pinned patch carries a corner flag. */
const SMALLEST_FLAGGED = 40;

/** @param {{ passing: HTMLElement, pinned: HTMLElement }} marks @param {Scene} scene */
function placeMarks(marks, { reading, passing, token, layout }) {
  place(marks.passing, passing === token ? null : passing, reading, layout.cell);
  place(marks.pinned, token, reading, layout.cell);
  marks.pinned.classList.toggle("vl-flagged", layout.cell >= SMALLEST_FLAGGED);
}

/** @param {HTMLElement[]} cells @param {Scene} scene */
function select(cells, { reading, token }) {
  cells.forEach((cell, i) => {
    setAttributes(cell, { "aria-selected": token === reading.nPrefix + i ? "true" : null });
  });
}

/** @param {HTMLElement} ring @param {number | null} token @param {Reading} reading @param {number} cell */
function place(ring, token, reading, cell) {
  const at = token === null ? null : reading.place(token);
  ring.hidden = at === null;
  if (!at) return;
  ring.style.transform = `translate(${at.col * cell}px, ${at.row * cell}px)`;
}

/** Veils all patches but those of the class that is to stand out. @param {HTMLCanvasElement} veil @param {Scene} scene */
function drawVeil(veil, { reading, highlight, layer, dark, tint }) {
  veil.hidden = highlight === null;
  const context = veil.getContext("2d");
  if (highlight === null || !context) return;
  context.clearRect(0, 0, veil.width, veil.height);
  context.fillStyle = tint === "class" && !dark ? "rgba(255,255,255,.72)" : "rgba(0,0,0,.62)";
  for (let patch = 0; patch < reading.nPatches; patch++) {
    if (reading.topClass(layer, reading.nPrefix + patch) === highlight) continue;
    context.fillRect(patch % reading.cols, Math.floor(patch / reading.cols), 1, 1);
  }
}

/** @param {EventTarget | null} target @returns {number | null} */
function tokenOf(target) {
  const cell = target instanceof Element ? target.closest("[data-token]") : null;
  return cell ? Number(cell.getAttribute("data-token")) : null;
}

/**
 * @param {HTMLElement} grid
 * @param {Reading} reading
 * @param {import("./scene.js").Actions} actions
 */
function listen(grid, reading, actions) {
  grid.addEventListener("pointerover", (event) => actions.pass(tokenOf(event.target)));
  grid.addEventListener("pointerleave", () => actions.pass(null));
  grid.addEventListener("focusin", (event) => {
    rove(grid, /** @type {HTMLElement} */ (event.target));
    actions.pass(tokenOf(event.target));
  });
  grid.addEventListener("focusout", () => actions.pass(null));
  grid.addEventListener("click", (event) => pin(grid, tokenOf(event.target), actions));
  grid.addEventListener("keydown", (event) => {
    const token = tokenOf(event.target);
    const from = token === null ? null : reading.place(token);
    if (token === null || !from) return;
    if (event.key === "Enter" || event.key === " ") pin(grid, token, actions);
    else {
      const to = moved(event.key, event.ctrlKey || event.metaKey, from, reading);
      if (!to) return;
      focusCell(grid, reading.nPrefix + to.row * reading.cols + to.col);
    }
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Pins a token, or unpins it when it is the pinned one. @param {HTMLElement} grid @param {number | null} token @param {import("./scene.js").Actions} actions */
function pin(grid, token, actions) {
  if (token === null) return;
  const already = grid.querySelector("[aria-selected=true]");
  actions.choose({ token: tokenOf(already) === token ? null : token });
}

/** Keeps one tab stop: the cell that had the focus last. @param {HTMLElement} grid @param {HTMLElement} cell */
function rove(grid, cell) {
  grid.querySelectorAll('[tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
  cell.setAttribute("tabindex", "0");
}

/** @param {HTMLElement} grid @param {number} token */
function focusCell(grid, token) {
  /** @type {HTMLElement | null} */ (grid.querySelector(`[data-token="${token}"]`))?.focus();
}
