// One head among all: each statistic as a strip on which every head is a dot.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { whenShown } from "../lib/when_shown.js";
import { isShown, measure, shortUnit } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Statistic} Statistic */

/** Statistics that are listed before all are asked for. */
const FIRST = 6;
const HEIGHT = 16;
const PAD = 6;

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function headStrip(meta, actions) {
  const title = element("h3", "vl-title");
  const among = element("span", "vl-secondary", {}, `among all ${meta.n_layers * meta.n_heads}`);
  const list = element("div", "vl-strips");
  const more = element("button", "vl-quiet-button", { type: "button" });
  more.addEventListener("click", actions.unfold);
  const uniform = element("p", "vl-hint", {}, "a tick on a line: what uniform attention would have");
  const head = element("div", "vl-head", {}, title, among, more);
  const node = element("section", "vl-this-head", { "aria-label": "This head among all" }, head, list, uniform);
  /** @type {Strip[]} */
  let strips = [];
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.statistics], (s) => {
      strips = s.statistics.map((statistic) => strip(statistic, meta, actions));
      fill(list, ...strips.map((one) => one.node));
    }),
    whenChanged((s) => [s.what], ({ what }) => (title.textContent = titleOf(what))),
    whenChanged((s) => [s.statistics, s.unfolded], ({ unfolded }) => {
      strips.forEach((one, i) => (one.node.hidden = !unfolded && i >= FIRST));
      more.hidden = strips.length <= FIRST;
      more.textContent = unfolded ? "fewer" : `all ${strips.length}`;
      more.setAttribute("aria-expanded", String(unfolded));
    }),
    whenChanged((s) => [s.statistics, s.choices.sort, s.choices.order], (s) => strips.forEach((one) => markSort(one, s))),
    whenChanged(
      (s) => [s.statistics, s.what, s.dark, s.ratio, s.unfolded, s.layout],
      whenShown(list, (/** @type {Scene} */ s) => strips.forEach((one) => draw(one, s))),
    ),
  ];
  return { node, update: (scene) => drawings.forEach((redraw) => redraw(scene)) };
}

/** @param {import("./map_cache.js").What} what */
function titleOf({ show, layer }) {
  if (show === "head") return "This head";
  return show === "mean" || layer === 0 ? `Heads of layer ${layer}` : `Heads of layers 0 to ${layer}`;
}

/** @param {Statistic} statistic @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions */
function strip(statistic, meta, actions) {
  const word = element("button", "vl-strip-word", { type: "button" }, statistic.label);
  word.addEventListener("click", () => actions.choose(nextSort(statistic.name, word.getAttribute("data-sorted"))));
  const canvas = element("canvas", "vl-dots", { "aria-hidden": "true" });
  canvas.addEventListener("click", ({ offsetX }) => {
    const index = nearestHead(statistic, (offsetX - PAD) / (canvas.clientWidth - 2 * PAD));
    actions.choose({ layer: Math.floor(index / meta.n_heads), head: index % meta.n_heads });
  });
  const value = element("b", "vl-strip-value");
  const unit = element("span", "vl-strip-unit", { title: statistic.unit }, shortUnit(statistic.unit));
  const node = element("div", "vl-strip-line", { title: `${statistic.label}: ${statistic.meaning}` }, word, canvas, value, unit);
  return { node, word, canvas, value, statistic };
}

/** @typedef {ReturnType<typeof strip>} Strip */

/** Descending, then ascending, then by layer again. @param {string} name @param {string | null} sorted @returns {Partial<import("./scene.js").Choices>} */
function nextSort(name, sorted) {
  if (sorted === "descending") return { sort: name, order: "ascending" };
  return sorted === "ascending" ? { sort: "layer", order: "descending" } : { sort: name, order: "descending" };
}

/** @param {Strip} strip @param {Scene} scene */
function markSort({ word, statistic }, { choices: { sort, order } }) {
  const sorted = sort === statistic.name ? order : null;
  const label = `Sort heads by ${statistic.label}${sorted ? `, now ${sorted}` : ""}`;
  setAttributes(word, { "data-sorted": sorted, "aria-label": label, "aria-pressed": String(sorted !== null) });
}

/** @param {Statistic} statistic @param {number} value */
const placeOf = ({ least, most }, value) => (most > least ? (value - least) / (most - least) : 0.5);

/** @param {Statistic} statistic @param {number} place  0..1 on the strip */
function nearestHead(statistic, place) {
  const away = Array.from(statistic.values, (value) => Math.abs(placeOf(statistic, value) - place));
  return away.reduce((best, distance, i) => (distance < (away[best] ?? Infinity) ? i : best), 0);
}

const COLORS = {
  light: { line: "#d8d8d8", tick: "#8a8a8a", dot: "rgba(86,86,86,.5)", own: "#0b62d6" },
  dark: { line: "#343434", tick: "#8d8d8d", dot: "rgba(173,173,173,.55)", own: "#6db1ff" },
};

/** @param {Strip} strip @param {Scene} scene */
function draw({ node, canvas, value, statistic }, { what, meta, ratio, dark }) {
  if (node.hidden) return;
  const own = Array.from(statistic.values).filter((_, i) => isShown(what, Math.floor(i / meta.n_heads), i % meta.n_heads));
  value.textContent = what.show === "head" ? measure(own[0] ?? NaN) : "";
  const width = canvas.clientWidth;
  canvas.width = Math.round(width * ratio);
  canvas.height = HEIGHT * ratio;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(ratio, ratio);
  const colors = dark ? COLORS.dark : COLORS.light;
  const x = (/** @type {number} */ at) => PAD + placeOf(statistic, at) * (width - 2 * PAD);
  context.fillStyle = colors.line;
  context.fillRect(PAD, HEIGHT / 2 - 0.5, width - 2 * PAD, 1);
  drawUniform(context, statistic, x, colors.tick);
  dots(context, Array.from(statistic.values, x), 2.5, colors.dot);
  dots(context, own.map(x), what.show === "head" ? 4.5 : 3, colors.own);
}

/** @param {CanvasRenderingContext2D} context @param {Statistic} statistic @param {(value: number) => number} x @param {string} color */
function drawUniform(context, statistic, x, color) {
  const { uniform, least, most } = statistic;
  if (uniform === null || uniform < least || uniform > most) return;
  context.fillStyle = color;
  context.fillRect(x(uniform) - 0.5, 2, 1, HEIGHT - 4);
}

/** @param {CanvasRenderingContext2D} context @param {number[]} at @param {number} radius @param {string} color */
function dots(context, at, radius, color) {
  context.fillStyle = color;
  for (const x of at) {
    if (Number.isNaN(x)) continue;
    context.beginPath();
    context.arc(x, HEIGHT / 2, radius, 0, 2 * Math.PI);
    context.fill();
  }
}
