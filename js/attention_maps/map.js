// One map large: rows ask, columns are asked. The cells are drawn once, one pixel each, and scaled by
// the style sheet; pointing moves only the marks above them.
import { element, fill, setAttributes, uniqueId } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { listenToMap } from "./map_pointer.js";
import { mapMarks } from "./map_marks.js";
import { mapTicks } from "./map_ticks.js";
import { zoomButtons } from "./map_zoom.js";
import { pixelsOf } from "./shades.js";
import { gapOf, patchesAt } from "./viewport.js";
import { mapTitle } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const MISSING = "This map is not on this page, and there is no kernel to make it.";

/** Prefix tokens and patches are drawn apart: rows of which, columns of which. */
const PANES = /** @type {const} */ ([
  ["before", "before"],
  ["before", "patches"],
  ["patches", "before"],
  ["patches", "patches"],
]);

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./tokens.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function map(meta, tokens, actions) {
  const title = element("h3", "vl-title");
  const zoom = zoomButtons(actions);
  const head = element("div", "vl-head", {}, title, zoom.node);
  const ticks = mapTicks(tokens);
  const missing = element("p", "vl-missing", {}, MISSING);
  const panes = PANES.map(([rows, cols]) => pane(rows, cols));
  const marks = mapMarks(tokens);
  const cell = element("div", "", { role: "gridcell", id: uniqueId("cell") });
  const attributes = { role: "grid", tabindex: 0, "aria-rowcount": tokens.n, "aria-colcount": tokens.n };
  const sheet = element("div", "vl-sheet", attributes, ...panes.map(({ node }) => node), marks.node, missing, element("div", "", { role: "row" }, cell));
  const node = element("section", "vl-map", { "aria-label": "Map" }, head, element("div", "vl-map-frame", {}, ticks.node, sheet));
  /** @type {Scene | null} */
  let current = null;
  listenToMap(sheet, tokens, actions, () => current);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.what, s.focus], (s) => {
      fill(title, mapTitle(s.what, meta));
      sheet.setAttribute("aria-label", `${mapTitle(s.what, meta)}: rows ask, columns are asked`);
    }),
    whenChanged((s) => [s.focus === null && !s.canAsk], (s) => void (missing.hidden = s.focus !== null || s.canAsk)),
    whenChanged((s) => [s.focus, s.sheet], (s) => panes.forEach((one) => paint(one, s))),
    whenChanged((s) => [s.sheet, s.view], (s) => panes.forEach((one) => place(one, s))),
    whenChanged((s) => [s.layout.mapSide], (s) => node.style.setProperty("--vl-map", `${s.layout.mapSide}px`)),
    whenChanged((s) => [s.isStale], (s) => node.classList.toggle("vl-stale", s.isStale)),
    whenChanged((s) => [s.pair, s.arrivals], (s) => describe(sheet, cell, s)),
  ];
  const update = (/** @type {Scene} */ scene) => {
    current = scene;
    drawings.forEach((draw) => draw(scene));
    for (const part of [ticks, marks, zoom]) part.update(scene);
  };
  return { node, update };
}

/** @param {"before" | "patches"} rows @param {"before" | "patches"} cols */
function pane(rows, cols) {
  const canvas = element("canvas", "vl-canvas");
  return { node: element("div", "vl-pane", { "data-rows": rows, "data-cols": cols }, canvas), canvas, rows, cols };
}

/** @typedef {ReturnType<typeof pane>} Pane */

/** First position and count of one side of a pane. @param {"before" | "patches"} which @param {import("./viewport.js").Sheet} sheet @returns {[number, number]} */
const extent = (which, { n, nBefore }) => (which === "before" ? [0, nBefore] : [nBefore, n - nBefore]);

/** @param {Pane} pane @param {Scene} scene */
function paint({ canvas, rows, cols }, { focus, sheet }) {
  const [[top, height], [left, width]] = [extent(rows, sheet), extent(cols, sheet)];
  Object.assign(canvas, { width, height }); // it is empty then
  if (!focus || width === 0 || height === 0) return;
  const pixels = pixelsOf(focus.map.codes, focus.map.side, focus.colors);
  canvas.getContext("2d")?.putImageData(pixels, -left, -top);
}

/** @param {Pane} pane @param {Scene} scene */
function place({ node, canvas, rows, cols }, { sheet, view }) {
  const { cell } = view;
  const start = patchesAt(sheet, cell);
  const before = start - gapOf(sheet);
  node.hidden = (rows === "before" || cols === "before") && sheet.nBefore === 0;
  Object.assign(node.style, {
    left: `${cols === "before" ? 0 : start}px`,
    top: `${rows === "before" ? 0 : start}px`,
    width: `${cols === "before" ? before : sheet.side - start}px`,
    height: `${rows === "before" ? before : sheet.side - start}px`,
  });
  Object.assign(canvas.style, {
    width: `${extent(cols, sheet)[1] * cell}px`,
    height: `${extent(rows, sheet)[1] * cell}px`,
    transform: `translate(${cols === "before" ? 0 : -view.x}px, ${rows === "before" ? 0 : -view.y}px)`,
    imageRendering: cell >= 1 ? "pixelated" : "auto",
  });
}

/** The cell looked at, for those who do not see it. @param {HTMLElement} sheet @param {HTMLElement} cell @param {Scene} scene */
function describe(sheet, cell, { pair: { query, key }, tokens, exact, what }) {
  const [row, col] = [query === null ? null : tokens.position(query), key === null ? null : tokens.position(key)];
  if (row === null || col === null || query === null || key === null) return setAttributes(sheet, { "aria-activedescendant": null });
  const value = exact.value(what, row, col);
  setAttributes(cell, {
    "aria-rowindex": row + 1,
    "aria-colindex": col + 1,
    "aria-label": `query ${tokens.describe(query)}, key ${tokens.describe(key)}: ${value === null ? exact.missing : value.toPrecision(3)}`,
  });
  setAttributes(sheet, { "aria-activedescendant": cell.id });
}
