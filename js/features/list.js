// The features that are found, in their order: a window on a list as long as it takes.
import { whenChanged } from "../lib/changes.js";
import { CLASS_COLORS } from "../lib/colormaps.js";
import { menu } from "../lib/controls.js";
import { element, fill, setAttributes, uniqueId } from "../lib/dom.js";
import { SPARK_BINS } from "./catalogue.js";
import { markChosen, nameNodes } from "./name_node.js";
import { columnName, effectWords, grouped, numberNames, NUMBER_WORDS, numberText } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const ROW = 24;
/** Rows that are seen; as N_ROWS in widget.py. */
export const N_ROWS = 13;
/** Rows that are there, to scroll by a part of one. */
const POOL = N_ROWS + 2;
const SPARK = 18;
/** As LEVELS in data.py. */
const LEVELS = 15;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part & { node: HTMLElement }} */
export function list(meta, actions) {
  const names = [...numberNames(meta), /** @type {const} */ ("effect"), ...(meta.n_images ? [/** @type {const} */ ("here")] : [])];
  const sort = menu("Sort by", "Order of the list", names.map((name) => [name, NUMBER_WORDS[name]]), (name) => actions.choose({ sort: /** @type {any} */ (name) }));
  const [range, of] = [element("b", ""), element("span", "vl-secondary")];
  const columns = element("div", "vl-list-head vl-hint", { "aria-hidden": "true" });
  const id = uniqueId("rows");
  const rows = Array.from({ length: POOL }, (_, i) => makeRow(`${id}-${i}`));
  const inside = element("div", "vl-list-inside", { role: "presentation" }, ...rows.map(({ node }) => node));
  const window_ = element("div", "vl-list-window", { role: "listbox", tabindex: 0, "aria-label": "Features" }, inside);
  const key = element("p", "vl-hint vl-list-key");
  const empty = element("p", "vl-empty", { hidden: true }, "Nothing is found; Esc, or another class, shows more.");
  const node = element("section", "vl-list", { "aria-label": "List" }, element("div", "vl-head vl-part-head", {}, range, of, sort.node), columns, window_, empty, key);
  window_.style.height = `${N_ROWS * ROW}px`;
  /** @type {Scene | null} */
  let shown = null;

  const draw = () => shown && drawRows(shown, window_, rows, range);
  window_.addEventListener("scroll", () => {
    draw();
    if (shown) actions.rows(visible(shown, window_));
  }, { passive: true });
  window_.addEventListener("click", (event) => {
    const row = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    if (row) actions.go(Number(row.getAttribute("data-id")));
  });
  window_.addEventListener("pointerover", (event) => {
    const row = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    actions.set({ pointed: row ? Number(row.getAttribute("data-id")) : null });
  });
  window_.addEventListener("pointerleave", () => actions.set({ pointed: null }));
  window_.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -N_ROWS, PageDown: N_ROWS, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !shown?.list.length) return;
    const to = Math.min(shown.list.length - 1, Math.max(0, (shown.at < 0 ? (step > 0 ? -1 : 0) : shown.at) + step));
    actions.go(shown.list[to] ?? 0);
    event.preventDefault();
    event.stopPropagation();
  });

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.target, s.choices.sort, s.effect], (s) => fill(key, ...keyNodes(s))),
    whenChanged((/** @type {Scene} */ s) => [s.choices.sort, s.layout], (s) => {
      sort.show(s.choices.sort);
      fill(columns, element("span", ""), element("span", "", {}, "activations, log–log"), element("span", "vl-number", {}, columnName(s.choices.sort)), element("span", "vl-number", {}, s.choices.sort === "density" ? (meta.has_classes ? "AUC" : "largest") : "density"));
    }),
    whenChanged((s) => [s.list, s.layout], (s) => {
      inside.style.height = `${s.list.length * ROW}px`;
      empty.hidden = s.list.length > 0;
      of.textContent = ofWords(s);
      if (shown?.id === s.id) window_.scrollTop = 0; // another order begins with its first
    }),
    whenChanged((s) => [s.id], (s) => reveal(window_, s.at)),
    whenChanged((s) => [s.list, s.id], (s) => actions.rows(visible(s, window_))),
    whenChanged((s) => [s.list, s.id, s.choices.sort, s.shares, s.choices.target, meta.has_classes ? 0 : s.arrived, s.layout, s.dark, s.ratio], (s) => {
      shown = s;
      draw();
    }),
    whenChanged((s) => [s.pointed], (/** @type {Scene} */ s) => { // alone: a pointer passes over many
      for (const row of rows) row.node.classList.toggle("vl-pointed", s.pointed !== null && row.id === s.pointed);
    }),
  ];
  return { node, update: (scene) => drawings.forEach((one) => one(scene)) };
}

/** @param {string} id */
function makeRow(id) {
  const [name, spark] = [element("span", "vl-row-feature"), element("canvas", "vl-spark", { "aria-hidden": "true" })];
  const [first, second] = [element("b", "vl-number"), element("span", "vl-number")];
  const node = element("div", "vl-list-row", { role: "option", id, "aria-selected": "false" }, name, spark, first, second);
  return { node, name, spark, first, second, id: -1 };
}

/** @param {Scene} scene */
function ofWords({ list, meta, choices, only, frame }) {
  const of = frame ? "in the frame" : choices.target !== null ? `for ${meta.labels[choices.target]?.name}` : "";
  const where = only === null ? "" : `in layer ${only}`;
  return `of ${grouped(list.length)} ${[of, where].filter(Boolean).join(" ")}`.trim();
}

/** What the colours are; of pictures as names, what they are. @param {Scene} scene */
function keyNodes(scene) {
  const { meta, choices } = scene;
  const effect = choices.sort === "effect" ? effectWords(scene) : "";
  if (effect) return [effect];
  if (!meta.has_classes) return ["crops: three of its strongest patches; nobody knows classes, so the pictures are the name"];
  const name = choices.target === null ? "its best class" : (meta.labels[choices.target]?.name ?? "");
  return [element("span", "vl-key vl-key-class"), ` patches of ${name} `, element("span", "vl-key"), choices.target === null ? " all patches" : " all patches, alone in rows of another best class"];
}

/** Ids of the rows that are seen. @param {Scene} scene @param {HTMLElement} window_ */
function visible({ list }, window_) {
  const first = Math.max(0, Math.floor(window_.scrollTop / ROW));
  return Array.from(list.subarray(first, first + POOL));
}

/** Scrolls so that a row is seen. @param {HTMLElement} window_ @param {number} at */
function reveal(window_, at) {
  if (at < 0) return;
  const [top, bottom] = [at * ROW, (at + 1) * ROW];
  if (top < window_.scrollTop) window_.scrollTop = top;
  else if (bottom > window_.scrollTop + N_ROWS * ROW) window_.scrollTop = bottom - N_ROWS * ROW;
}

/** @param {Scene} scene @param {HTMLElement} window_ @param {ReturnType<typeof makeRow>[]} rows @param {HTMLElement} range */
function drawRows(scene, window_, rows, range) {
  const { list } = scene;
  const first = Math.max(0, Math.min(Math.floor(window_.scrollTop / ROW), list.length - 1));
  const top = Math.round(window_.scrollTop / ROW);
  range.textContent = list.length ? `${grouped(top + 1)} to ${grouped(Math.min(list.length, top + N_ROWS))}` : "0";
  rows.forEach((row, i) => {
    const at = first + i;
    const id = list[at];
    row.node.hidden = id === undefined;
    if (id === undefined) return;
    row.node.style.transform = `translateY(${at * ROW}px)`;
    drawRow(scene, row, id, at);
  });
  const own = rows.find((row) => !row.node.hidden && Number(row.node.dataset["id"]) === scene.id);
  setAttributes(window_, { "aria-activedescendant": own?.node.id ?? null });
}

/** @param {Scene} scene @param {ReturnType<typeof makeRow>} row @param {number} id @param {number} at */
function drawRow(scene, row, id, at) {
  const { choices, catalogue, list, shares } = scene;
  const { sort, target } = choices;
  const isOwn = id === scene.id;
  setAttributes(row.node, { "data-id": id, "aria-selected": String(isOwn), "aria-setsize": list.length, "aria-posinset": at + 1 });
  markChosen(row.node, isOwn);
  row.id = id;
  row.node.classList.toggle("vl-pointed", id === scene.pointed);
  fill(row.name, ...nameNodes(scene, id, 3));
  const number = sort === "here" ? (shares?.[id] ?? NaN) : sort === "selectivity" && target !== null ? catalogue.area(target, id) : sort === "effect" ? (scene.effect?.arrays["numbers"]?.[id] ?? NaN) : catalogue.number(sort, id);
  row.first.textContent = numberText(sort, number);
  const other = sort !== "density" ? "density" : scene.meta.has_classes ? "selectivity" : "largest";
  row.second.textContent = numberText(other, catalogue.number(other, id));
  drawSpark(row.spark, scene, catalogue.spark(id), target === null || target === catalogue.best(id));
}

/** @param {HTMLCanvasElement} canvas @param {Scene} scene @param {Uint8Array} bins @param {boolean} isColored  its best class is the one that is searched, or none is */
function drawSpark(canvas, { dark, ratio, layout, meta }, bins, isColored) {
  const width = Math.round(Math.max(40, layout.list - (meta.has_classes ? 232 : 284)) * ratio); // as in list.css
  const height = Math.round(SPARK * ratio);
  if (canvas.width !== width || canvas.height !== height) setAttributes(canvas, { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, width, height);
  const step = width / SPARK_BINS;
  const bar = (/** @type {number} */ i, /** @type {number} */ level) => {
    const tall = Math.round((level / LEVELS) * height);
    const left = Math.round(i * step);
    context.fillRect(left, height - tall, Math.round((i + 1) * step) - left, tall);
  };
  context.fillStyle = dark ? "#565656" : "#c4c4c4";
  bins.forEach((code, i) => bar(i, code >> 4));
  if (!isColored) return;
  context.fillStyle = CLASS_COLORS[0] ?? "";
  bins.forEach((code, i) => bar(i, code & 15));
}

