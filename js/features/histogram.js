// How often each activation occurs; the silent ones apart, with a mark at one value.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { binsOf, LEFT, placeIn, SILENT, START } from "./bins.js";
import { plain } from "./points.js";
import { activation, grouped, percent } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HEIGHT = 84;
const TOP = 8;
const FOOT = 16;
const APART = 8; // px that a tick's number must be away, or it would be half covered

/** @returns {import("./scene.js").Part} */
export function histogram() {
  const plot = svg("svg", { class: "vl-histogram-plot", height: HEIGHT, role: "img" });
  const cursor = svg("g", { class: "vl-cursor" });
  const silent = element("b", "");
  const node = element("section", "vl-histogram", { "aria-label": "Histogram of its activations" }, plot, element("div", "vl-histogram-foot", {}, silent, element("span", "vl-hint", {}, "activation, log scale; counts log; ▾ the patch pointed at or pinned")));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.look("sheet"), s.layout, s.choices.target, s.id], (s) => {
      const sheet = s.look("sheet");
      setAttributes(plot, { width: s.layout.right });
      silent.textContent = "";
      if (!sheet) return fill(plot);
      const bins = binsOf(sheet.arrays["counts"], s.meta.edges, sheet.said.last);
      silent.textContent = `${percent(bins.silent / Math.max(1, bins.total))} silent`;
      setAttributes(plot, { "aria-label": `${grouped(bins.total)} patches, ${percent(bins.silent / Math.max(1, bins.total))} silent` });
      fill(plot, ...drawn(s, bins, ofClass(s, sheet)), cursor);
    }),
    whenChanged((s) => [s.look("sheet"), s.layout, s.value, s.passing, s.choices.token, s.arrived], (s) => fill(cursor, ...cursorOf(s))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** The class whose patches are coloured: the one that is searched, else the one that it tells best. @param {Scene} scene */
const classOf = ({ choices, catalogue, id }) => choices.target ?? catalogue.best(id);

/** Counts of that class's patches, of all bins; none where nobody knows. @param {Scene} scene @param {import("./scene.js").Found} sheet @returns {number[]} */
function ofClass(scene, { arrays }) {
  const n = arrays["counts"].length;
  const target = classOf(scene);
  return target < 0 ? [] : Array.from(arrays["of_classes"].subarray(target * n, (target + 1) * n));
}

/** What the colours are. @param {Scene} scene */
export function keyNodes(scene) {
  const label = scene.meta.labels[classOf(scene)];
  if (!scene.meta.has_classes || !label) return [];
  return [element("span", "vl-key vl-key-class"), ` patches of ${label.name} `, element("span", "vl-key"), " all"];
}

/** @param {Scene} scene @param {import("./bins.js").Bins} bins @param {number[]} own  of a class, of all bins */
function drawn({ layout }, { from, counts, edges, fainter }, own) {
  const most = Math.log10(1 + Math.max(fainter, ...counts));
  const floor = HEIGHT - FOOT;
  const y = (/** @type {number} */ count) => floor - (Math.log10(1 + count) / Math.max(most, 1)) * (floor - TOP);
  const step = (layout.right - START) / counts.length;
  const bar = (/** @type {number} */ x, /** @type {number} */ width, /** @type {number} */ count, kind = "vl-bin") => (count ? [svg("rect", { class: kind, x, y: y(count), width: Math.max(0.5, width - 1), height: floor - y(count) })] : []);
  const powers = Array.from({ length: Math.floor(most) }, (_, i) => 10 ** (i + 1));
  const every = Math.max(1, Math.ceil(powers.length / 3));
  return [
    ...powers.filter((_, i) => (powers.length - 1 - i) % every === 0).flatMap((count) => [
      svg("line", { class: "vl-gridline", x1: LEFT, x2: layout.right, y1: y(count), y2: y(count) }),
      svg("text", { class: "vl-tick-text", x: LEFT - 6, y: y(count) + 4, "text-anchor": "end" }, grouped(count)),
    ]),
    ...bar(LEFT, SILENT + 1, fainter),
    ...counts.flatMap((count, i) => [...bar(START + i * step, step, count), ...bar(START + i * step, step, own[from + i] ?? 0, "vl-bin vl-of-class")]),
    ...bar(LEFT, SILENT + 1, own.slice(0, from).reduce((a, b) => a + b, 0), "vl-bin vl-of-class"),
    svg("line", { class: "vl-axis", x1: LEFT, x2: layout.right, y1: floor + 0.5, y2: floor + 0.5 }),
    svg("text", { class: "vl-tick-text", x: LEFT - 8, y: HEIGHT - 3 }, `≤ ${Number((edges[0] ?? 0).toPrecision(2))}`),
    ...ticks(edges, step, layout.right),
  ];
}

/** Round numbers, where bins of theirs begin. @param {number[]} edges @param {number} step @param {number} right */
function ticks(edges, step, right) {
  const [first, last] = [edges[0] ?? 1, edges.at(-1) ?? 2];
  const found = [];
  for (let power = Math.floor(Math.log10(first)); power <= Math.log10(last); power++) {
    for (const factor of [1, 3]) {
      const value = factor * 10 ** power;
      const x = placeIn({ from: 0, counts: [], edges, fainter: 0, silent: 0, total: 0 }, value, right);
      if (value > first * 1.5 && value < last && x < right - 14 && step) found.push(svg("text", { class: "vl-tick-text", x, y: HEIGHT - 3, "text-anchor": "middle" }, plain(value)));
    }
  }
  return found;
}

/** The value that is pointed at, else that of the pinned patch. @param {Scene} scene @returns {{ value: number, isPassing: boolean } | null} */
export function marked({ value, passing, choices, look }) {
  if (value !== null) return { value, isPassing: true };
  const token = passing ?? choices.token;
  const values = look("seen")?.arrays["values"];
  const found = token === null ? undefined : values?.[token];
  return found === undefined ? null : { value: found, isPassing: passing !== null };
}

/** What the number covers; among the silent ones the whole name of that bar. @param {number} x @param {string} text @param {string} anchor */
function groundOf(x, text, anchor) {
  if (x < START) return { x: LEFT - 10, width: START - LEFT + 24 };
  const width = 8 * text.length + 2 * APART;
  return { x: x - (anchor === "end" ? width : width / 2), width };
}

/** @param {Scene} scene */
function cursorOf(scene) {
  const [sheet, at] = [scene.look("sheet"), marked(scene)];
  if (!sheet || !at) return [];
  const bins = binsOf(sheet.arrays["counts"], scene.meta.edges, sheet.said.last);
  const x = placeIn(bins, at.value, scene.layout.right);
  const floor = HEIGHT - FOOT;
  const text = activation(at.value);
  const anchor = x > scene.layout.right - 20 ? "end" : "middle";
  return [
    svg("path", { class: at.isPassing ? "vl-cursor-passing" : "vl-cursor-pinned", d: `M${x - 5} ${floor - 8}h10l-5 7z` }),
    svg("rect", { class: "vl-cursor-ground", ...groundOf(x, text, anchor), y: HEIGHT - 14, height: 14 }),
    svg("text", { class: "vl-cursor-text", x: anchor === "end" ? scene.layout.right : x, y: HEIGHT - 3, "text-anchor": anchor }, text),
  ];
}
