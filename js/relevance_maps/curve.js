// The removal curve of one class: its probability as patches are removed in the map's order, and in
// random orders. It is a slider along the share that is gone: the picture shows what is left.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { counted, endOfProbabilities, probability } from "../lib/numbers.js";
import { part, quiet, value } from "../lib/readout.js";
import { svg } from "../lib/svg.js";
import { removalOf } from "./panel.js";
import { ORDERS } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Removal} Removal */
/** @typedef {import("./curves.js").Kind} Kind */

/** @type {Kind[]} */
const ORDERED = ["negative", "positive"];
const LEFT = 34;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 20;
/** Narrower, there is no room for every tick and the longer word. */
const ROOMY = 280;

/**
 * @param {0 | 1} of
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function curve(of, actions) {
  const title = element("h3", "vl-title", {}, "Removal curve");
  const words = element("span", "vl-secondary");
  const plot = svg("svg", { class: "vl-removal-plot" });
  const slider = element("div", "vl-removal-slider", { role: "slider", tabindex: 0, "aria-label": "Patches removed" });
  slider.append(plot);
  const refused = element("p", "vl-hint vl-removal-refused", { hidden: true });
  const status = element("div", "vl-removal-words", { role: "status", "aria-live": "polite" });
  const keys = element("div", "vl-removal-keys");
  const order = element("p", "vl-hint", {}, "Patches go in the order of the map over all blocks and heads.");
  const node = element("section", "vl-removal", { "data-of": String(of) }, element("div", "vl-head", {}, title, words), keys, slider, order, refused, status);
  const pointer = new CurvePointer(of, slider, actions);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.curves, s.classes], (s) => {
      words.textContent = subtitle(of, s);
      setAttributes(node, { "aria-label": `Removal curve, ${words.textContent}` });
      refused.textContent = s.curves.of.refused || (s.curves.done ? "" : s.canAsk ? "The model is being asked …" : "No curve was saved with this page.");
      refused.hidden = refused.textContent === "";
      slider.hidden = keys.hidden = status.hidden = s.curves.done === 0;
      fill(keys, ...keysOf(of, s));
      slider.classList.toggle("vl-growing", !s.curves.of.is_over && s.canAsk);
    }),
    whenChanged((s) => [s.what, s.curves], (s) => (order.hidden = s.what.show === "all" || s.curves.done === 0)),
    whenChanged((s) => [s.curves, s.layout, removalOf(of, s)], (s) => {
      const sizes = { width: s.layout.curve, height: s.layout.curveHeight };
      pointer.scene = s;
      setAttributes(plot, { ...sizes, "aria-hidden": "true" });
      plot.replaceChildren(...drawn(of, s, sizes));
    }),
    whenChanged((s) => [s.curves, s.classes, removalOf(of, s)], (s) => {
      const [removal, words] = [removalOf(of, s), said(of, s)];
      fill(status, ...(words.length ? words.map(([what, number]) => part(quiet(what), value(number))) : [element("span", "vl-hint", {}, hint(s.curves.nPoints))]));
      setAttributes(slider, {
        "aria-valuemin": 0,
        "aria-valuemax": s.curves.nPatches,
        "aria-valuenow": removal ? s.curves.nGone(removal.point) : 0,
        "aria-valuetext": words.map((pair) => pair.join(" ")).join(", ") || "nothing",
      });
    }),
  ];
  const update = (/** @type {Scene} */ scene) => {
    node.hidden = !scene.whose.includes(of) || scene.curves.nClasses <= of;
    if (!node.hidden) for (const draw of drawings) draw(scene);
  };
  return { node, update };
}

/** @param {0 | 1} of @param {Scene} scene */
function subtitle(of, { curves, classes }) {
  if (classes.isEmpty) return "";
  const label = classes.label((of === 0 ? curves.of.target : curves.of.against) ?? 0);
  const growing = curves.of.is_over || curves.done === 0 ? "" : ` · point ${curves.done} of ${curves.nPoints}`;
  return `${classes.word} of ${label.name}${growing}`;
}

/** What the lines are, with the mean of each once it is whole. @param {0 | 1} of @param {Scene} scene */
function keysOf(of, { curves }) {
  const key = (/** @type {Kind | "random"} */ kind, /** @type {string} */ text, /** @type {string} */ title) => {
    const mean = curves.mean(of, kind);
    const number = Number.isNaN(mean) ? [] : [element("span", "vl-quiet", {}, "mean"), element("b", "vl-value", {}, probability(mean))];
    return element("span", "vl-removal-key", { title: `${title}; the mean is over all points of the curve` }, element("i", `vl-key-${kind}`), text, ...number);
  };
  const orders = counted(curves.of.random, "random order", "random orders");
  return [
    key("negative", ORDERS.negative, "the least relevant patches are removed first: a good map keeps this up"),
    key("positive", ORDERS.positive, "the most relevant patches are removed first: a good map brings this down"),
    ...(curves.of.random ? [key("random", orders, `at each point the mean over ${orders}`)] : []),
  ];
}

/** @typedef {{ width: number, height: number }} Size */

/** @param {Size} size @param {number} most  probability at the top */
const frameOf = ({ width, height }, most) => ({
  x: (/** @type {number} */ share) => LEFT + share * (width - LEFT - RIGHT),
  y: (/** @type {number} */ p) => TOP + (1 - p / most) * (height - TOP - BOTTOM),
});

/** Where the axis ends: 1, or a round number where all that is shown is far below it. @param {0 | 1} of @param {Scene} scene */
function mostOf(of, { curves }) {
  const values = (/** @type {const} */ (["negative", "positive", "random"])).flatMap((kind) => Array.from(curves.line(of, kind)));
  const most = Math.max(...values.filter((value) => !Number.isNaN(value)));
  return endOfProbabilities(most);
}

/** @param {0 | 1} of @param {Scene} scene @param {Size} size */
function drawn(of, scene, size) {
  const { curves } = scene;
  const most = mostOf(of, scene);
  const { x, y } = frameOf(size, most);
  const [ground, top] = [y(0), y(most)];
  const yTicks = [0, most / 2, most].flatMap((p) => [
    svg("line", { class: "vl-gridline", x1: LEFT, x2: size.width - RIGHT, y1: y(p), y2: y(p) }),
    svg("text", { class: "vl-tick-text", x: LEFT - 6, y: y(p) + 4, "text-anchor": "end" }, String(p)),
  ]);
  const isRoomy = size.width >= ROOMY;
  const xTicks = (isRoomy ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]).flatMap((share) => [
    svg("line", { class: "vl-gridline", x1: x(share), x2: x(share), y1: ground, y2: ground + 4 }),
    svg("text", { class: "vl-tick-text", x: x(share), y: ground + 16, "text-anchor": share === 1 ? "end" : "middle" }, share === 0.5 ? (isRoomy ? "50 % removed" : "50 % gone") : `${100 * share} %`),
  ]);
  const lines = (/** @type {const} */ (["random", "positive", "negative"])).map((kind) =>
    svg("polyline", { class: `vl-line-${kind}`, points: points(curves.line(of, kind), curves.of.removed, x, y) }),
  );
  return [...yTicks, ...xTicks, ...lines, ...marker(of, scene, x, y, top, ground)];
}

/** @param {Float32Array} values @param {number[]} removed @param {(share: number) => number} x @param {(p: number) => number} y */
const points = (values, removed, x, y) =>
  removed.flatMap((share, point) => (Number.isNaN(values[point]) ? [] : [`${x(share).toFixed(1)},${y(values[point] ?? 0).toFixed(1)}`])).join(" ");

/** The point that is looked at, on every line. @param {0 | 1} of @param {Scene} scene @param {(share: number) => number} x @param {(p: number) => number} y @param {number} top @param {number} ground */
function marker(of, scene, x, y, top, ground) {
  const removal = removalOf(of, scene);
  if (!removal) return [];
  const { curves } = scene;
  const at = x(curves.of.removed[removal.point] ?? 0);
  const dots = (/** @type {const} */ (["random", "positive", "negative"])).flatMap((kind) => {
    const p = curves.line(of, kind)[removal.point] ?? NaN;
    const isOn = kind === removal.kind;
    return Number.isNaN(p) ? [] : [svg("circle", { class: `vl-dot-${kind} ${isOn ? "vl-current" : ""}`, cx: at, cy: y(p), r: isOn ? 4.5 : 3 })];
  });
  return [svg("line", { class: "vl-removal-at", x1: at, x2: at, y1: top, y2: ground }), ...dots];
}

/** @param {number} nPoints  of the curve */
const hint = (nPoints) => `Point at the curve, or use the arrow keys, to see what is removed at each of its ${nPoints} points; click to hold it.`;

/** What there is to say of the point that is looked at. @param {0 | 1} of @param {Scene} scene @returns {[words: string, number: string][]} */
function said(of, scene) {
  const removal = removalOf(of, scene);
  const { curves, classes } = scene;
  if (!removal) return [];
  const at = (/** @type {Kind | "random"} */ kind) => probability(curves.line(of, kind)[removal.point] ?? NaN, 3);
  const other = removal.kind === "negative" ? "positive" : "negative";
  const answer = curves.answer(removal);
  return [
    [`${ORDERS[removal.kind]}, gone`, `${curves.nGone(removal.point)} of ${curves.nPatches}`],
    [classes.word, at(removal.kind)],
    ...(answer < 0 ? [] : /** @type {[string, string][]} */ ([["answer", classes.label(answer).name]])),
    [ORDERS[other], at(other)],
    ...(curves.of.random ? /** @type {[string, string][]} */ ([["random", at("random")]]) : []),
  ];
}

/** Pointer and keys on one curve. */
class CurvePointer {
  /** @param {0 | 1} of @param {HTMLElement} node @param {import("./scene.js").Actions} actions */
  constructor(of, node, actions) {
    this.of = of;
    /** @type {Scene | null} */
    this.scene = null;
    node.addEventListener("pointermove", (event) => actions.passRemoval(this.at(node, event)));
    node.addEventListener("pointerleave", () => actions.passRemoval(null));
    node.addEventListener("click", (event) => actions.pinRemoval(this.at(node, event)));
    node.addEventListener("keydown", (event) => {
      const next = this.moved(event.key);
      if (!next) return;
      event.preventDefault();
      event.stopPropagation();
      actions.holdRemoval(next);
    });
  }

  /** The nearest point of the two ordered lines. @param {HTMLElement} node @param {MouseEvent} event @returns {Removal | null} */
  at(node, { clientX, clientY }) {
    const { scene, of } = this;
    const box = node.getBoundingClientRect();
    if (!scene || scene.curves.done === 0 || box.width === 0) return null;
    const { removed } = scene.curves.of;
    const share = (clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    const p = mostOf(of, scene) * (1 - (clientY - box.top - TOP) / (box.height - TOP - BOTTOM));
    const away = removed.slice(0, scene.curves.done).map((one) => Math.abs(one - share));
    const point = away.indexOf(Math.min(...away));
    const off = ORDERED.map((kind) => Math.abs((scene.curves.line(of, kind)[point] ?? 0) - p));
    return { of, kind: (off[0] ?? 0) <= (off[1] ?? 0) ? "negative" : "positive", point };
  }

  /** @param {string} key @returns {Removal | null} */
  moved(key) {
    const { scene, of } = this;
    if (!scene || scene.curves.done === 0) return null;
    const now = removalOf(of, scene) ?? { of, kind: "positive", point: 0 };
    const last = scene.curves.done - 1;
    const step = { ArrowLeft: now.point - 1, ArrowRight: now.point + 1, Home: 0, End: last }[key];
    if (step !== undefined) return { ...now, point: Math.min(last, Math.max(0, step)) };
    if (key !== "ArrowUp" && key !== "ArrowDown") return null;
    return { ...now, kind: now.kind === "negative" ? "positive" : "negative" };
  }
}
