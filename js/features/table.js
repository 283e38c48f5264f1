// How many features of each block find each class. A click searches the class, or class and block.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { moved } from "../lib/grid_keys.js";
import { rove } from "../lib/patch_cells.js";
import { allWords, grouped } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** More classes do not fit. */
const MOST = 17;
/** Of more blocks rows are lower. */
const FEW_LAYERS = 8;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function table(meta, actions) {
  const many = element("span", "vl-secondary", {}, grouped(meta.layers.length * meta.width));
  const about = element("span", "vl-hint vl-to-right", {}, meta.has_classes ? "how many find each class: AUC ≥ 0.90" : "");
  const grid = element("div", `vl-class-table ${meta.layers.length > FEW_LAYERS ? "vl-low" : ""}`, { role: "grid", "aria-label": "How many features find each class, by layer" });
  const note = element("p", "vl-hint");
  const node = element("section", "vl-classes", { "aria-label": allWords(meta) }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, allWords(meta)), many, about), grid, note);
  if (!meta.has_classes) {
    grid.hidden = true;
    return { node, update: () => undefined };
  }
  listen(grid, actions);
  const update = whenChanged((/** @type {Scene} */ s) => [s.catalogue], (s) => {
    const columns = s.catalogue.columns(MOST);
    grid.style.setProperty("--vl-columns", String(columns.length));
    fill(grid, headRow(columns, meta), ...meta.layers.map((layer, place) => row(s, layer, place, columns)));
    note.textContent = columns.length < meta.labels.length ? `${columns.length} of ${meta.labels.length} classes; the others by search` : "";
    setAttributes(grid, { "aria-rowcount": meta.layers.length + 1, "aria-colcount": columns.length });
    const first = grid.querySelector("button");
    if (first) first.tabIndex = 0;
  });
  const mark = whenChanged((/** @type {Scene} */ s) => [s.catalogue, s.choices.target, s.only, s.choices.layer], (s) => {
    for (const cell of grid.querySelectorAll("button")) {
      const isColumn = Number(cell.dataset["target"]) === s.choices.target;
      const isCell = isColumn && cell.dataset["layer"] === String(s.only ?? s.choices.layer);
      cell.classList.toggle("vl-searched", isColumn);
      setAttributes(cell, { "aria-pressed": String(cell.dataset["layer"] === undefined ? isColumn : isCell) });
    }
  });
  return { node, update: (scene) => [update, mark].forEach((draw) => draw(scene)) };
}

/** @param {number[]} columns @param {import("./scene.js").Meta} meta */
function headRow(columns, meta) {
  const cells = columns.map((target) => {
    const label = meta.labels[target];
    const button = element("button", "vl-class-head vl-emoji", { type: "button", tabindex: -1, "data-target": target, title: label?.name ?? "", "aria-label": `search ${label?.name}` }, label?.emoji || (label?.brief.slice(0, 2) ?? "·"));
    return element("div", "", { role: "columnheader" }, button);
  });
  return element("div", "vl-class-row", { role: "row" }, element("span", "", { role: "columnheader" }), ...cells);
}

/** @param {Scene} scene @param {number} layer @param {number} place @param {number[]} columns */
function row({ catalogue, meta }, layer, place, columns) {
  const most = Math.max(1, ...meta.layers.flatMap((_, at) => columns.map((target) => catalogue.count(at, target))));
  const cells = columns.map((target) => {
    const count = catalogue.count(place, target);
    const button = element("button", "vl-class-cell", { type: "button", tabindex: -1, "data-target": target, "data-layer": layer, "aria-label": `layer ${layer}, ${meta.labels[target]?.name}: ${count}` }, count ? String(count) : "");
    button.style.setProperty("--vl-share", String(count ? 0.1 + 0.55 * Math.sqrt(count / most) : 0.06));
    return element("div", "", { role: "gridcell" }, button);
  });
  return element("div", "vl-class-row", { role: "row" }, element("span", "vl-row-name", { role: "rowheader" }, `L${layer}`), ...cells);
}

/** @param {HTMLElement} grid @param {import("./scene.js").Actions} actions */
function listen(grid, actions) {
  grid.addEventListener("click", (event) => {
    const cell = event.target instanceof Element ? event.target.closest("button") : null;
    if (!cell) return;
    const [target, layer] = [Number(cell.dataset["target"]), cell.dataset["layer"]];
    const isOn = cell.getAttribute("aria-pressed") === "true" && (layer === undefined || cell.classList.contains("vl-only"));
    actions.set({ only: layer === undefined || isOn ? null : Number(layer), frame: null });
    actions.choose({ target: isOn ? null : target });
  });
  grid.addEventListener("focusin", (event) => rove(grid, /** @type {HTMLElement} */ (event.target)));
  grid.addEventListener("keydown", (event) => {
    const rows = [...grid.querySelectorAll('[role="row"]')].map((one) => [...one.querySelectorAll("button")]);
    const at = rows.findIndex((one) => one.includes(/** @type {HTMLButtonElement} */ (event.target)));
    const col = rows[at]?.indexOf(/** @type {HTMLButtonElement} */ (event.target)) ?? 0;
    const to = at < 0 ? null : moved(event.key, event.ctrlKey || event.metaKey, { row: at, col }, { rows: rows.length, cols: rows[0]?.length ?? 1 });
    if (!to) return;
    rows[to.row]?.[to.col]?.focus();
    event.preventDefault();
    event.stopPropagation();
  });
}
