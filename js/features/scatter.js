// Every feature at its two numbers. A click chooses one, a frame lists what it holds.
import { whenChanged } from "../lib/changes.js";
import { menu } from "../lib/controls.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { placeOf } from "./points.js";
import { MOST_POINTS, paintScatter } from "./scatter_paint.js";
import { axisNames, effectWords, firesWords, grouped, NUMBER_WORDS, shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").AxisName} AxisName */

const HEIGHT = 212;
const LEFT = 34;
const TOP = 8;
const FOOT = 18;
/** Room for the bar of those that never fire. */
const SILENT = 24;
/** The pointer finds a point within so many px. */
const REACH = 12;
/** Less is a click, px. */
const LEAST_FRAME = 5;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function scatter(meta, actions) {
  const offered = axisNames(meta).map((name) => /** @type {[string, string]} */ ([name, NUMBER_WORDS[name]]));
  const up = menu("Up", "What is shown upwards", offered, (name) => actions.choose({ up: /** @type {AxisName} */ (name) }));
  const across = menu("Across", "What is shown across", offered, (name) => actions.choose({ across: /** @type {AxisName} */ (name) }));
  const canvas = element("canvas", "vl-scatter-canvas", { role: "img" });
  const marks = svg("svg", { class: "vl-scatter-marks", "aria-hidden": "true" });
  const frame = element("div", "vl-frame", { hidden: true });
  const [own, passing] = [element("div", "vl-point vl-own-point", { hidden: true }), element("div", "vl-point vl-passing-point", { hidden: true })];
  const ownName = element("b", "vl-point-name", { hidden: true });
  const area = element("div", "vl-scatter-area", { tabindex: -1 }, canvas, marks, frame, own, ownName, passing);
  const words = element("p", "vl-hint vl-to-right");
  const legend = element("p", "vl-hint vl-counts-legend", { hidden: true });
  const node = element("section", "vl-scatter", { "aria-label": "All features, by two numbers" }, element("div", "vl-scatter-controls", {}, up.node, across.node), area, words, legend);
  const plot = { left: LEFT, top: TOP, width: 1, height: HEIGHT - TOP - FOOT };
  const pointer = listen(area, plot, frame, actions);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.up, s.choices.across, s.effect], (s) => {
      up.show(s.choices.up);
      across.show(s.choices.across);
      words.textContent = [acrossWords(s), [s.choices.up, s.choices.across].includes("effect") ? effectWords(s) : ""].filter(Boolean).join(" · ");
    }),
    whenChanged((s) => [s.layout, s.ratio, s.points], (s) => {
      plot.left = LEFT + (hasSilent(s) ? SILENT : 0);
      plot.width = Math.max(1, s.layout.plot - plot.left - 4);
      pointer.points = s.points;
      area.style.height = `${HEIGHT}px`;
      Object.assign(canvas.style, { width: `${s.layout.plot}px`, height: `${HEIGHT}px` });
      setAttributes(canvas, { width: Math.round(s.layout.plot * s.ratio), height: Math.round(HEIGHT * s.ratio) });
      setAttributes(marks, { width: s.layout.plot, height: HEIGHT });
      fill(marks, ...axes(s, plot));
    }),
    whenChanged((s) => [s.layout, s.ratio, s.dark, s.points, s.found, s.choices.target], (/** @type {Scene} */ s) => {
      const most = paintScatter(canvas, s, plot);
      setAttributes(canvas, { "aria-label": `${grouped(s.points.n)} features: ${NUMBER_WORDS[s.choices.up]} upwards, ${NUMBER_WORDS[s.choices.across]} across` });
      legend.hidden = s.points.n <= MOST_POINTS;
      fill(legend, "1 ", element("span", "vl-counts-ramp"), ` ${grouped(most)} in a cell, log · drag a frame to list what it holds`);
    }),
    whenChanged((s) => [s.layout, s.points, s.id], (s) => {
      place(own, s, s.id, plot);
      place(ownName, s, s.id, plot);
      ownName.textContent = shortName(s.catalogue.of(s.id), meta);
      ownName.classList.toggle("vl-left-of", (s.points.x[s.id] ?? 0) > 0.72);
    }),
    whenChanged((s) => [s.layout, s.points, s.pointed], (s) => place(passing, s, s.pointed ?? -1, plot)),
    whenChanged((s) => [s.layout, s.frame, s.points], (s) => showFrame(frame, s.frame, plot)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
const hasSilent = ({ points, catalogue }) => points.across.isLog && catalogue.nSilent > 0;

/** @param {Scene} scene */
const acrossWords = ({ choices, meta }) => (choices.across === "density" ? firesWords(meta) : choices.across === "effect" ? "" : NUMBER_WORDS[choices.across]);

/** Puts a mark on a feature. @param {HTMLElement} mark @param {Scene} scene @param {number} id @param {{ left: number, top: number, width: number, height: number }} plot */
function place(mark, { points }, id, plot) {
  mark.hidden = id < 0 || !points.isThere(id);
  if (mark.hidden) return;
  mark.style.left = `${plot.left + (points.x[id] ?? 0) * plot.width}px`;
  mark.style.top = `${plot.top + (1 - (points.y[id] ?? 0)) * plot.height}px`;
}

/** Axes, their numbers, what chance reaches, and those that never fire. @param {Scene} scene @param {{ left: number, top: number, width: number, height: number }} plot */
function axes(scene, { left, top, width, height }) {
  const { points, meta, catalogue, choices } = scene;
  const right = left + width;
  const y = (/** @type {number} */ at) => top + (1 - at) * height;
  const text = (/** @type {Record<string, string | number>} */ at, /** @type {string} */ words) => svg("text", { class: "vl-tick-text", ...at }, words);
  const bars = [];
  if (hasSilent(scene)) {
    bars.push(
      svg("rect", { class: "vl-silent", x: LEFT, y: top, width: 14, height }),
      text({ class: "vl-tick-text", transform: `translate(${LEFT + 11} ${top + height - 4}) rotate(-90)` }, `${grouped(catalogue.nSilent)} never fire`),
    );
  }
  const chance = (choices.up === "selectivity" || choices.up === "tail") && meta.null !== null ? placeOf(points.up, meta.null) : NaN;
  const isThere = chance >= 0 && chance <= 1;
  return [
    ...points.up.ticks.flatMap(({ at, text: words }) => [svg("line", { class: "vl-gridline", x1: left, x2: right, y1: y(at), y2: y(at) }), text({ x: LEFT - 5, y: y(at) + 4, "text-anchor": "end" }, words)]),
    ...points.across.ticks.map(({ at, text: words }) => text({ x: left + at * width, y: HEIGHT - 4, "text-anchor": at > 0.95 ? "end" : at < 0.05 ? "start" : "middle" }, words)),
    ...bars,
    ...(isThere ? [svg("line", { class: "vl-chance-line", x1: left, x2: right, y1: y(chance), y2: y(chance) }), text({ class: "vl-tick-text vl-chance-text", x: right, y: y(chance) + 12, "text-anchor": "end" }, "shuffled labels stay below")] : []),
  ];
}

/** @param {HTMLElement} node @param {import("./scene.js").Frame | null} frame @param {{ left: number, top: number, width: number, height: number }} plot */
function showFrame(node, frame, plot) {
  node.hidden = frame === null;
  if (!frame) return;
  const [x, y] = [plot.left + frame.left * plot.width, plot.top + (1 - frame.high) * plot.height];
  Object.assign(node.style, { left: `${x}px`, top: `${y}px`, width: `${(frame.right - frame.left) * plot.width}px`, height: `${(frame.high - frame.low) * plot.height}px` });
}

/** Pointing, choosing, framing. @param {HTMLElement} area @param {{ left: number, top: number, width: number, height: number }} plot @param {HTMLElement} mark @param {import("./scene.js").Actions} actions */
function listen(area, plot, mark, actions) {
  /** @type {{ points: import("./points.js").Points | null }} */
  const pointer = { points: null };
  /** @type {[number, number] | null} */
  let from = null;
  /** @type {DOMRect | null} to ask for it at every move would have the page laid out each time */
  let known = null;
  const forget = () => void (known = null);
  area.addEventListener("pointerenter", () => {
    forget();
    addEventListener("scroll", forget, { capture: true, passive: true });
  });
  area.addEventListener("pointerleave", () => removeEventListener("scroll", forget, { capture: true }));
  const at = (/** @type {PointerEvent} */ event) => {
    const box = (known ??= area.getBoundingClientRect());
    return /** @type {[number, number]} */ ([event.clientX - box.left - plot.left, plot.top + plot.height - (event.clientY - box.top)]);
  };
  const frameTo = (/** @type {[number, number]} */ to) => {
    const share = (/** @type {number} */ px, /** @type {number} */ size) => Math.min(1.01, Math.max(-0.01, px / size));
    const [x1 = 0, x2 = 0] = [from?.[0] ?? 0, to[0]].map((px) => share(px, plot.width)).sort((a, b) => a - b);
    const [y1 = 0, y2 = 0] = [from?.[1] ?? 0, to[1]].map((px) => share(px, plot.height)).sort((a, b) => a - b);
    return { left: x1, right: x2, low: y1, high: y2 };
  };
  const isLarge = (/** @type {[number, number]} */ to) => from !== null && Math.hypot(to[0] - from[0], to[1] - from[1]) > LEAST_FRAME;
  const near = (/** @type {[number, number]} */ to) => pointer.points?.nearest(to[0], to[1], plot.width, plot.height, REACH) ?? null;
  area.addEventListener("pointerdown", (event) => {
    forget();
    if (event.button === 0) from = at(event);
  });
  area.addEventListener("pointermove", (event) => {
    const to = at(event);
    if (!isLarge(to)) return actions.set({ pointed: near(to) });
    area.setPointerCapture(event.pointerId);
    showFrame(mark, frameTo(to), plot);
  });
  area.addEventListener("pointerup", (event) => {
    const to = at(event);
    const isFrame = isLarge(to);
    const frame = isFrame ? frameTo(to) : null;
    const id = isFrame ? null : near(to);
    from = null;
    if (id !== null) actions.go(id);
    else actions.set({ frame });
  });
  area.addEventListener("pointerleave", () => actions.set({ pointed: null }));
  area.addEventListener("pointercancel", () => void (from = null));
  return pointer;
}
