// Two rows: every state's answers on the image, and the first answers of the token looked at.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { emojiNode, labelNode } from "../lib/label_nodes.js";
import { firstLetters, isBackground } from "../lib/labels.js";
import { probability } from "../lib/numbers.js";
import { placeRing, ring } from "../lib/patch_cells.js";
import { bar } from "../patch_grid/answers_table.js";
import { drawPanel } from "../patch_grid/panel.js";
import { lane, listenToLane } from "./lanes.js";
import { panelFor } from "./layout.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

/** @param {import("./scene.js").Meta} meta @param {(state: number) => void} choose @returns {Part} */
export function panels(meta, choose) {
  const row = lane(meta.state_names.length, "vl-lane-panels", (state) => {
    const canvas = element("canvas", "vl-canvas");
    const pinned = ring("vl-ring-pinned");
    const frame = element("div", "vl-panel", {}, canvas, pinned);
    return { node: element("div", "vl-lane-cell", { "data-state": state, "aria-hidden": "true" }, frame), canvas, pinned, frame };
  });
  listenToLane(row.node, choose);
  const drawings = [
    whenChanged((/** @type {Scenes} */ { page }) => [page.axis], ({ page: { axis } }) => {
      const { width, height, cell } = panelFor(axis, meta);
      row.place(axis, height);
      row.cells.forEach(({ frame }) => {
        Object.assign(frame.style, { width: `${width}px`, height: `${height}px` });
        frame.style.setProperty("--vl-cell", `${cell}px`);
      });
    }),
    whenChanged(
      ({ page, grid: g }) => [page.axis, g.reading, g.grounds, g.ratio, g.tint, g.scale, g.glyph, g.columns, g.dark, g.changed],
      ({ page, grid }) => {
        const size = { ...panelFor(page.axis, meta), large: false };
        row.cells.forEach(({ canvas }, state) => drawPanel(canvas, grid, state, size));
      },
    ),
    whenChanged(({ page, grid }) => [page.axis, grid.token], ({ page, grid }) =>
      row.cells.forEach(({ pinned }) => placeRing(pinned, grid.token, grid.reading, panelFor(page.axis, meta).cell)),
    ),
    whenChanged(({ grid }) => [grid.state], ({ grid }) => markCurrent(row.cells, grid.state)),
  ];
  return { node: row.node, update: (scenes) => drawings.forEach((draw) => draw(scenes)) };
}

/** @param {{ frame: HTMLElement }[]} cells @param {number} chosen */
export const markCurrent = (cells, chosen) => cells.forEach(({ frame }, state) => frame.classList.toggle("vl-current", state === chosen));

/** Answers in a column. */
export const SHOWN = 5;
const LINE = 26;
const TWO_LINES = 32;
/** Widths of a column from which there is room for a name with its number, and for a name. */
const NUMBERED = 118;
const NAMED = 64;

/** Of a column that has no room for names: those of one state stand beside. @param {number} width */
export const isNameless = (width) => width < NAMED;

/** Of a column in which a name stands in two lines: cut to one, it says too little. @param {number} width */
const isBroken = (width) => !isNameless(width) && width < NUMBERED;

/** @param {import("./scene.js").Meta} meta @param {(state: number) => void} choose @returns {Part} */
export function firstAnswers(meta, choose) {
  const row = lane(meta.state_names.length, "vl-lane-answers", (state) => ({ node: element("div", "vl-lane-cell", { "data-state": state }) }));
  listenToLane(row.node, choose);
  const drawings = [
    whenChanged((/** @type {Scenes} */ { page }) => [page.axis], ({ page }) => row.place(page.axis, SHOWN * (isBroken(page.axis.column) ? TWO_LINES : LINE))),
    whenChanged(
      ({ page, grid }) => [page.axis, grid.reading, lookedAt(grid), grid.columns, grid.state],
      ({ page, grid }) => row.cells.forEach(({ node }, state) => {
        const places = Array.from({ length: Math.min(SHOWN, grid.reading.nAnswers) }, (_, i) => i);
        node.classList.toggle("vl-current", state === grid.state);
        node.classList.toggle("vl-broken", isBroken(page.axis.column));
        fill(node, ...places.map((place) => answerLine(grid, state, place, page.axis.column)));
      }),
    ),
  ];
  return { node: row.node, update: (scenes) => drawings.forEach((draw) => draw(scenes)) };
}

/** The pinned token, or the one pointed at, or else the readout. @param {import("../patch_grid/scene.js").Scene} grid */
export const lookedAt = ({ token, passing, reading }) => token ?? passing ?? reading.readout;

/** What stands for a label where its name has no room, as on the patches. @param {import("../lib/labels.js").Label} label @param {number} letters */
const sign = ({ name, brief, emoji }, letters) =>
  isBackground(name) ? element("span", "vl-dot", {}, "·") : (emojiNode(emoji) ?? element("span", "vl-name", {}, firstLetters(brief, letters)));

/** @param {import("../patch_grid/scene.js").Scene} grid @param {number} state @param {number} place @param {number} width */
function answerLine(grid, state, place, width) {
  const { label, probability: p } = grid.reading.answer(state, lookedAt(grid), place);
  const isTarget = label.index === grid.columns.of;
  const isNamed = width >= NUMBERED || (!isNameless(width) && !isBackground(label.name));
  const who = isNamed ? labelNode(label) : sign(label, 2);
  const number = width >= NUMBERED && label.index >= 0 ? element("span", "vl-number", {}, probability(p)) : null;
  const words = label.index < 0 ? label.name : `${label.name} ${probability(p)}${isTarget ? ", the target" : ""}`;
  return element("div", `vl-answer ${isTarget ? "vl-is-target" : ""}`, { title: words }, who, number, bar(p));
}
