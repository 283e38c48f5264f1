// The map of parts: layers to the right, every head, all heads of a block and its MLP below each
// other. A full cell was exchanged for real; a small square is the estimate, and stays inside.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { element, setAttributes } from "../lib/dom.js";
import { moved } from "../lib/grid_keys.js";
import { rove } from "../lib/patch_cells.js";
import { partLegend } from "./part_legend.js";
import { isSame, placeOf } from "./places.js";
import { cellColor, css, inkOn, share } from "./shades.js";
import { rowName, runNames, shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./places.js").Row} Row */

/** From here on a number is what one came for. */
const BOLD = 0.4;

/** @typedef {{ node: HTMLElement, square: HTMLElement, number: HTMLElement, row: Row, at: number, layer: number }} Cell  at: its row's index */

/** @param {import("./scene.js").Meta} meta @param {Row[]} rows @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function partMap(meta, rows, actions) {
  const values = valuesControl(actions);
  const words = element("span", "vl-secondary vl-part-words", { role: "status" });
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "Exchange one part"), words, values.node);
  const cells = rows.map((row, at) => Array.from({ length: meta.n_layers }, (_, layer) => cellOf(row, at, layer)));
  const all = cells.flat();
  const band = element("div", "vl-band", { "aria-hidden": "true" });
  const progress = element("div", "vl-map-progress", { "aria-hidden": "true" });
  const columns = Array.from({ length: meta.n_layers }, (_, layer) => element("span", "vl-column-name", { "aria-hidden": "true" }, `L${layer}`));
  const names = rows.map((row) => element("span", "vl-row-name", { "aria-hidden": "true" }, rowName(row)));
  const grid = element("div", "vl-effects", { role: "grid", "aria-label": "What each part is worth; columns are layers", "aria-rowcount": rows.length, "aria-colcount": meta.n_layers }, ...cells.map((row) => element("div", "vl-effect-row", { role: "row" }, ...row.map(({ node }) => node))));
  const legend = partLegend();
  const sheet = element("div", "vl-part-map", {}, band, progress, ...columns, ...names, grid);
  all[0]?.node.setAttribute("tabindex", "0");
  listen(grid, cells, actions);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], (s) => arrange(s, { sheet, all, names, columns, rows })),
    whenChanged((s) => [s.effects, s.dark, s.layout], (s) => all.forEach((cell) => drawCell(cell, s))),
    whenChanged((s) => [s.choices.layer, s.layout, s.row], (s) => markChosen(s, { band, columns, names, all, rows })),
    whenChanged((s) => [s.choices.exchanged, s.effects.of.values], (s) => all.forEach((cell) => markExchanged(cell, s))),
    whenChanged((s) => [s.passing], (s) => all.forEach(({ node, row, layer }) => node.classList.toggle("vl-passing", isPassed(s, row, layer)))),
    whenChanged((s) => [s.progress, s.effects, s.canAsk], (s) => say(words, progress, s)),
  ];
  const node = element("section", "vl-parts", { "aria-label": "Exchange one part" }, head, sheet, legend.node);
  return { node, update: (scene) => [values, ...drawings.map((update) => ({ update })), legend].forEach((one) => one.update(scene)) };
}

/** @param {import("./scene.js").Actions} actions */
function valuesControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["output", "output"], ["q", "q"], ["k", "k"], ["v", "v"], ["pattern", "pattern"]]);
  const control = segments("Values", "What is exchanged of a head", words, (values) => choose(/** @type {any} */ ({ values })));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.asked.values], (s) => control.show(s.asked.values)),
    whenChanged((s) => [s.canAsk], (s) => control.disable(s.canAsk ? null : "This page has no kernel to exchange other values")),
  ];
  return { node: control.node, update: (/** @type {Scene} */ scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Row} row @param {number} at @param {number} layer @returns {Cell} */
function cellOf(row, at, layer) {
  const square = element("span", "vl-estimate");
  const number = element("span", "vl-effect-number");
  const node = element("div", "vl-effect", { role: "gridcell", tabindex: -1, "data-row": at, "data-layer": layer, "aria-colindex": layer + 1 }, square, number);
  return { node, square, number, row, at, layer };
}

/** Where the rows stand: what is beside the heads is set apart. @param {Row[]} rows @param {import("./layout.js").Layout["row"]} of */
export const rowTops = (rows, { height, gap }) => rows.map((row, at) => TOP + at * (height + gap) + (typeof row === "number" ? 0 : height > 20 ? 8 : 4));

const TOP = 20; // px above the first row, for the names of the columns

/** @param {Scene} scene @param {{ sheet: HTMLElement, all: Cell[], names: HTMLElement[], columns: HTMLElement[], rows: Row[] }} parts */
function arrange({ layout }, { sheet, all, names, columns, rows }) {
  const { row, columns: axis } = layout;
  const tops = rowTops(rows, row);
  sheet.style.height = `${(tops.at(-1) ?? TOP) + row.height + 4}px`;
  sheet.style.setProperty("--vl-square", `${row.square}px`);
  sheet.classList.toggle("vl-few", row.hasNumbers);
  sheet.classList.toggle("vl-close", axis.cell < 64);
  sheet.classList.toggle("vl-closest", axis.cell < 48);
  for (const { node, at, layer } of all) {
    const left = axis.left(layer) + (axis.pitch - axis.cell) / 2;
    Object.assign(node.style, { transform: `translate(${left}px, ${tops[at]}px)`, width: `${axis.cell}px`, height: `${row.height}px` });
  }
  names.forEach((name, at) => Object.assign(name.style, { top: `${(tops[at] ?? 0) + row.height / 2 - 8}px`, width: `${axis.start - 8}px` }));
  columns.forEach((name, layer) => {
    name.hidden = layer % axis.every !== 0;
    name.style.left = `${axis.center(layer)}px`;
  });
}

/** @param {Cell} cell @param {Scene} scene */
function drawCell({ node, square, number, row, at, layer }, { effects, dark, layout }) {
  const { share: exact, estimate } = effects.part(layer, at);
  const isKnown = !Number.isNaN(exact);
  node.classList.toggle("vl-known", isKnown);
  const color = cellColor(exact, effects.partEnd, dark);
  node.style.background = isKnown ? css(color) : "";
  node.style.color = isKnown ? inkOn(color) : "";
  square.hidden = Number.isNaN(estimate);
  square.style.background = css(cellColor(estimate, effects.partEnd, dark));
  const text = isKnown && layout.row.hasNumbers ? share(exact) : "";
  number.textContent = text;
  number.classList.toggle("vl-long", text.length > 4);
  number.classList.toggle("vl-strong", Math.abs(exact) >= BOLD);
  const words = isKnown ? `${share(exact)} of the way, estimated ${share(estimate)}` : `not exchanged yet, estimated ${share(estimate)}`;
  setAttributes(node, { "aria-label": `${shortName(row, layer)}: ${words}` });
}

/** @param {Scene} scene @param {{ band: HTMLElement, columns: HTMLElement[], names: HTMLElement[], all: Cell[], rows: Row[] }} parts */
function markChosen({ choices, layout, row: chosen }, { band, columns, names, all, rows }) {
  const axis = layout.columns;
  Object.assign(band.style, { left: `${axis.left(choices.layer)}px`, width: `${axis.pitch}px` });
  columns.forEach((name, layer) => {
    name.classList.toggle("vl-current", layer === choices.layer);
    if (layer === choices.layer) name.hidden = false;
    else name.hidden = layer % axis.every !== 0 || (axis.every > 1 && Math.abs(layer - choices.layer) < axis.every);
  });
  names.forEach((name, at) => name.classList.toggle("vl-current", rows[at] === chosen));
  for (const { node, row, layer } of all) {
    const isChosen = row === chosen && layer === choices.layer;
    node.classList.toggle("vl-pinned", isChosen);
    setAttributes(node, { "aria-selected": isChosen ? "true" : null });
  }
}

/** @param {Cell} cell @param {Scene} scene */
function markExchanged({ node, row, layer }, { choices, effects }) {
  const place = placeOf(row, layer, effects.of.values);
  node.classList.toggle("vl-exchanged", choices.exchanged.some((one) => isSame(one, place)));
}

/** @param {Scene} scene @param {Row} row @param {number} layer */
const isPassed = ({ passing }, row, layer) => passing !== null && "row" in passing && passing.row === row && passing.layer === layer;

/** @param {HTMLElement} words @param {HTMLElement} line @param {Scene} scene */
function say(words, line, scene) {
  const [done, of] = scene.progress.parts;
  const { base, other } = runNames(scene);
  const isWorking = done < of && scene.effects.of.has_gap;
  line.hidden = !isWorking || !scene.canAsk;
  line.style.setProperty("--vl-done", `${(100 * done) / of}%`);
  const order = scene.progress.was_interrupted || !scene.canAsk ? "" : ", strongest estimate first";
  words.textContent = isWorking ? `${done} of ${of} exchanged for real${order}` : `“${base}” runs, and one part takes its value from “${other}”`;
}

/** @param {HTMLElement} grid @param {Cell[][]} cells @param {import("./scene.js").Actions} actions */
function listen(grid, cells, { press, pass }) {
  /** @param {EventTarget | null} target @returns {Cell | null} */
  const cellAt = (target) => {
    const node = target instanceof Element ? target.closest("[data-row]") : null;
    return node ? (cells[Number(node.getAttribute("data-row"))]?.[Number(node.getAttribute("data-layer"))] ?? null) : null;
  };
  const passed = (/** @type {Event} */ event) => {
    const cell = cellAt(event.target);
    pass(cell && { row: cell.row, layer: cell.layer });
  };
  grid.addEventListener("pointerover", passed);
  grid.addEventListener("pointerleave", () => pass(null));
  grid.addEventListener("focusin", (event) => {
    rove(grid, /** @type {HTMLElement} */ (event.target));
    passed(event);
  });
  grid.addEventListener("focusout", () => pass(null));
  grid.addEventListener("click", (event) => {
    const cell = cellAt(event.target);
    if (cell) press(cell.row, cell.layer);
  });
  grid.addEventListener("keydown", (event) => {
    const cell = cellAt(event.target);
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") press(cell.row, cell.layer);
    else {
      const to = moved(event.key, event.ctrlKey || event.metaKey, { row: cell.at, col: cell.layer }, { rows: cells.length, cols: cells[0]?.length ?? 0 });
      if (!to) return;
      cells[to.row]?.[to.col]?.node.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  });
}
