// One head among all: each statistic as a strip on which every head is a dot.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { measure, shortUnit } from "./words.js";

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
  const title = element("h3", "vl-title", {}, "This head");
  const among = element("span", "vl-secondary", {}, `among all ${meta.n_layers * meta.n_heads}`);
  const list = element("div", "vl-strips");
  const more = element("button", "vl-quiet-button", { type: "button" });
  more.addEventListener("click", actions.unfold);
  const node = element("section", "vl-this-head", { "aria-label": "This head among all" }, element("div", "vl-head", {}, title, among, more), list);
  /** @type {Strip[]} */
  let strips = [];
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.statistics], (s) => {
      strips = s.statistics.map((statistic) => strip(statistic, meta, actions));
      fill(list, ...strips.map((one) => one.node));
    }),
    whenChanged((s) => [s.statistics, s.unfolded], ({ unfolded }) => {
      strips.forEach((one, i) => (one.node.hidden = !unfolded && i >= FIRST));
      more.hidden = strips.length <= FIRST;
      more.textContent = unfolded ? "fewer" : `all ${strips.length}`;
      more.setAttribute("aria-expanded", String(unfolded));
    }),
    whenChanged((s) => [s.statistics, s.choices.sort, s.choices.order], (s) => strips.forEach((one) => markSort(one, s))),
    whenChanged(
      (s) => [s.statistics, s.choices.layer, s.choices.head, s.choices.show, s.dark, s.ratio, s.unfolded, s.layout],
      (s) => strips.forEach((one) => draw(one, s)),
    ),
  ];
  return { node, update: (scene) => drawings.forEach((redraw) => redraw(scene)) };
}

/** @param {Statistic} statistic @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions */
function strip(statistic, meta, actions) {
  const word = element("button", "vl-strip-word", { type: "button" }, statistic.name);
  word.addEventListener("click", () => actions.choose(nextSort(statistic.name, word.getAttribute("data-sorted"))));
  const canvas = element("canvas", "vl-dots", { "aria-hidden": "true" });
  canvas.addEventListener("click", ({ offsetX }) => {
    const index = nearestHead(statistic, (offsetX - PAD) / (canvas.clientWidth - 2 * PAD));
    actions.choose({ layer: Math.floor(index / meta.n_heads), head: index % meta.n_heads });
  });
  const value = element("b", "vl-strip-value");
  const unit = element("span", "vl-strip-unit", { title: statistic.unit }, shortUnit(statistic.unit));
  const node = element("div", "vl-strip-line", { title: `${statistic.name}: ${statistic.meaning}` }, word, canvas, value, unit);
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
  const label = `Sort heads by ${statistic.name}${sorted ? `, now ${sorted}` : ""}`;
  setAttributes(word, { "data-sorted": sorted, "aria-label": label, "aria-pressed": String(sorted !== null) });
}

/** @param {Statistic} statistic @param {number} value */
const placeOf = ({ least, most }, value) => (most > least ? (value - least) / (most - least) : 0.5);

/** @param {Statistic} statistic @param {number} place  0..1 on the strip */
function nearestHead(statistic, place) {
  const away = Array.from(statistic.values, (value) => Math.abs(placeOf(statistic, value) - place));
  return away.reduce((best, distance, i) => (distance < (away[best] ?? Infinity) ? i : best), 0);
}

/** @param {Strip} strip @param {Scene} scene */
function draw({ node, canvas, value, statistic }, { choices, meta, ratio, dark }) {
  if (node.hidden) return;
  const { layer, head, show } = choices;
  const own = statistic.values[layer * meta.n_heads + head] ?? NaN;
  value.textContent = show === "head" ? measure(own) : "";
  const width = canvas.clientWidth || 150;
  canvas.width = Math.round(width * ratio);
  canvas.height = HEIGHT * ratio;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(ratio, ratio);
  context.fillStyle = dark ? "#343434" : "#d8d8d8";
  context.fillRect(PAD, HEIGHT / 2 - 0.5, width - 2 * PAD, 1);
  /** @param {number} at */
  const x = (at) => PAD + placeOf(statistic, at) * (width - 2 * PAD);
  const { uniform } = statistic;
  if (uniform !== null && placeOf(statistic, uniform) >= 0 && placeOf(statistic, uniform) <= 1) {
    context.fillStyle = dark ? "#8d8d8d" : "#8a8a8a";
    context.fillRect(x(uniform) - 0.5, 2, 1, HEIGHT - 4);
  }
  context.fillStyle = dark ? "rgba(173,173,173,.55)" : "rgba(86,86,86,.5)";
  for (const at of statistic.values) dot(context, x(at), 2.5);
  if (show !== "head" || Number.isNaN(own)) return;
  context.fillStyle = dark ? "#6db1ff" : "#0b62d6";
  dot(context, x(own), 4.5);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} radius */
function dot(context, x, radius) {
  if (Number.isNaN(x)) return;
  context.beginPath();
  context.arc(x, HEIGHT / 2, radius, 0, 2 * Math.PI);
  context.fill();
}
