// The logit difference on one line: both runs, each place alone, and all places together.
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { decimal } from "../lib/numbers.js";
import { svg } from "../lib/svg.js";
import { metricWords, runNames } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HEIGHT = 46;
const LINE = 24; // y
const SIDE = 24; // room left and right, px
const LETTER = 3.3; // half of one's width, about
const GAP = 12; // between words

/** @returns {{ node: HTMLElement, update: (scene: Scene) => void }} */
export function ruler() {
  const words = element("p", "vl-hint");
  const plot = svg("svg", { class: "vl-ruler-plot", height: HEIGHT, "aria-hidden": "true" });
  const node = element("div", "vl-ruler", {}, plot, words);
  const update = whenChanged((/** @type {Scene} */ s) => [s.exchange, s.effects, s.layout, s.classes], (s) => {
    if (!s.exchange.places.length) return;
    plot.setAttribute("width", String(s.layout.list));
    fill(plot, ...drawing(s));
    const { base, other } = s.effects.ends;
    const { base: from, other: to } = runNames(s);
    const after = s.exchange.together ? `, ${decimal(s.exchange.together.metric)} after the exchange` : "";
    plot.setAttribute("aria-label", `${from} ${decimal(base)}, ${to} ${decimal(other)}${after}`);
    const turns = hasTurn(s) ? "; dashes at 0: the answer turns" : "";
    words.textContent = `${metricWords(s)}${turns}; strokes: each place alone`;
  });
  return { node, update };
}

/** At 0 two classes are level; where one's own logit counts, 0 says nothing. @param {Scene} scene */
const hasTurn = ({ effects }) => effects.of.against !== null;

/** @param {Scene} scene */
function drawing(scene) {
  const { effects, exchange, layout } = scene;
  const { base, other } = effects.ends;
  const alone = exchange.alone.flatMap(([metric]) => (metric === null ? [] : [metric]));
  const after = exchange.together?.metric ?? null;
  const all = [base, other, ...(hasTurn(scene) ? [0] : []), ...alone, ...(after === null ? [] : [after])];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (/** @type {number} */ value) => SIDE + ((value - low) / (high - low || 1)) * (layout.list - 2 * SIDE);
  const stroke = (/** @type {number} */ value, /** @type {number} */ size, /** @type {string} */ className) => svg("line", { class: className, x1: x(value), x2: x(value), y1: LINE - size, y2: LINE + size });
  const { base: from, other: to } = runNames(scene);
  const dot = (/** @type {number} */ value, /** @type {string} */ className) => svg("circle", { class: className, cx: x(value), cy: LINE, r: 4.5 });
  return [
    svg("line", { class: "vl-ruler-line", x1: x(low), x2: x(high), y1: LINE, y2: LINE }),
    ...(hasTurn(scene) ? [stroke(0, 14, "vl-ruler-zero")] : []),
    ...alone.map((value) => stroke(value, 5, "vl-ruler-stroke")),
    stroke(other, 6, "vl-ruler-end"),
    ...(after === null ? [] : [svg("line", { class: "vl-ruler-way", x1: x(base), x2: x(after), y1: LINE, y2: LINE }), dot(after, "vl-dot-after")]),
    dot(base, "vl-dot-before"),
    ...below([{ at: x(other), text: `${to} ${decimal(other)}` }, { at: x(base), text: `${from} ${decimal(base)}` }], layout.list),
    ...(after === null ? [] : [above(x(after), `exchanged ${decimal(after)}`, layout.list)]),
  ];
}

/** @param {number} at @param {string} text @param {number} width */
function above(at, text, width) {
  return svg("text", { class: "vl-ruler-text vl-strong", ...anchored(at, text, width), y: 11 }, text);
}

/** Two words under the line, side by side where they would touch. @param {{ at: number, text: string }[]} words @param {number} width */
function below(words, width) {
  const [one, other] = [...words].sort((a, b) => a.at - b.at);
  if (!one || !other) return [];
  const [left, right] = [one, other].map(({ text }) => 2 * LETTER * text.length);
  const middle = Math.min(width - (right ?? 0) - GAP, Math.max((left ?? 0) + GAP, (one.at + other.at) / 2));
  const touch = other.at - one.at < ((left ?? 0) + (right ?? 0)) / 2 + GAP;
  const text = (/** @type {string} */ said, /** @type {object} */ place) => svg("text", { class: "vl-ruler-text", ...place, y: HEIGHT - 5 }, said);
  if (!touch) return [one, other].map((word) => text(word.text, anchored(word.at, word.text, width)));
  return [text(one.text, { x: middle - GAP / 2, "text-anchor": "end" }), text(other.text, { x: middle + GAP / 2, "text-anchor": "start" })];
}

/** In the middle of a place, or as near as there is room. @param {number} at @param {string} text @param {number} width */
function anchored(at, text, width) {
  const half = LETTER * text.length;
  if (at < half) return { x: 0, "text-anchor": "start" };
  return at > width - half ? { x: width, "text-anchor": "end" } : { x: at, "text-anchor": "middle" };
}
