// The answers with the feature turned down and up: before and after are two points of a curve.
import { whenChanged } from "../lib/changes.js";
import { CLASS_COLORS } from "../lib/colormaps.js";
import { segments } from "../lib/controls.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { endOfProbabilities, probability } from "../lib/numbers.js";
import { svg } from "../lib/svg.js";
import { strengthName, STRENGTHS } from "./strengths.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HEIGHT = 196;
const TOP = 20;
const FOOT = 20;
const LEFT = 34;
const RIGHT = 96;
/** From a name to the next one below. */
const LINE = 14;
/** From a point to its number's line. */
const [ABOVE, BELOW] = [-8, 16];
/** The first point stands apart from the axis's numbers. */
const APART = 18;
/** A digit of the axis's numbers, px. */
const DIGIT = 7;
/** Classes that move most have colours and names. */
const MOVERS = 2;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function strength(meta, actions) {
  const control = segments("", "Strength of the feature", [["0", "Off"], ["1", "As it is"], ["4", "× 4"]], (value) => actions.choose({ strength: Number(value) }));
  const what = element("span", "vl-hint");
  const plot = svg("svg", { class: "vl-curve", height: HEIGHT, role: "img" });
  const words = element("p", "vl-hint");
  const why = element("p", "vl-why", { hidden: true });
  const area = element("div", "vl-curve-area", {}, plot, words);
  const node = element("section", "vl-strength", { "aria-label": "Turned down and up" }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "Turned down and up")), element("div", "vl-strength-line", {}, control.node, what), area, why);
  node.hidden = !meta.n_images;
  let first = LEFT + APART;
  plot.addEventListener("click", (event) => {
    const box = plot.getBoundingClientRect();
    const at = Math.round(((event.clientX - box.left - first) / (box.width - first - RIGHT)) * (STRENGTHS.length - 1));
    const to = STRENGTHS[Math.min(STRENGTHS.length - 1, Math.max(0, at))];
    if (to !== undefined) actions.choose({ strength: to });
  });
  const update = whenChanged((/** @type {Scene} */ s) => [s.look("turned"), s.choices.strength, s.layout, s.id], (s) => {
    const found = s.look("turned");
    control.show(String(s.choices.strength));
    area.classList.toggle("vl-coming", !found);
    if (!found) return;
    why.hidden = !found.why;
    area.hidden = Boolean(found.why);
    why.textContent = found.why;
    what.textContent = found.why ? "" : !meta.answers_are ? "no classifier: cosine distance (0 to 2) of what is pooled from what it is" : `${meta.answers_are === "sigmoid" ? "probability (sigmoid)" : "probability"} at ${meta.readout_name}`;
    if (found.why) return;
    setAttributes(plot, { width: s.layout.curve, "aria-label": spoken(found) });
    const end = endOf(found.arrays["answers"]);
    const left = roomOf(ticks(end));
    first = left + APART;
    plot.replaceChildren(...drawn(s, found, end, left));
    fill(words, ...(meta.answers_are ? changes(found) : ["click the axis for any strength; linked widgets show what changes"]));
  });
  return { node, update };
}

/** @param {import("./scene.js").Found} found */
function spoken({ said }) {
  return said.best.map((/** @type {number} */ index, /** @type {number} */ i) => `${strengthName(STRENGTHS[i] ?? 1)}: ${said.names[index][0]}`).join(", ");
}

/** Whether another answer comes first at another strength. @param {import("./scene.js").Found} found */
function changes({ said }) {
  const usual = said.best[STRENGTHS.indexOf(1)];
  const other = STRENGTHS.findIndex((_, i) => said.best[i] !== usual);
  const says = other < 0 ? ["the first answer stays at every strength"] : [element("b", "", {}, strengthName(STRENGTHS[other] ?? 0)), ` makes it ${said.names[said.best[other]][0]}`];
  return ["click the axis for any strength; ", ...says];
}

/**
 * Where the numbers of one or two points stand: the upper one's above it, the lower one's below it,
 * or where that would be on the axis's own words, above it, too, and under the other's.
 * @param {number[]} points  px from the top
 * @param {number} foot  of the plot, px
 */
export function numberPlaces(points, foot) {
  const upper = points.indexOf(Math.min(...points));
  const low = Math.max(...points);
  const isClear = low + BELOW <= foot;
  return points.map((point, i) => {
    if (i !== upper) return point + (isClear ? BELOW : ABOVE);
    return isClear || points.length < 2 ? point + ABOVE : Math.min(point + ABOVE, low + ABOVE - LINE);
  });
}

/** Where the axis ends. @param {ArrayLike<number>} answers */
function endOf(answers) {
  const most = Math.max(...Array.from(answers));
  return most > 1 ? 2 : ([0.6, 0.8].find((one) => most > 0.5 && most <= one) ?? endOfProbabilities(most));
}

/** @param {number} end */
const ticks = (end) => [0, end / 2, end].map((p) => String(Number(p.toPrecision(2))));

/** What the axis's numbers take, px; small ones are long. @param {string[]} texts */
export const roomOf = (texts) => Math.max(LEFT, 6 + DIGIT * Math.max(...texts.map((text) => text.length)));

/** @param {Scene} scene @param {import("./scene.js").Found} found @param {number} end  of the axis @param {number} left  where it stands, px */
function drawn({ layout, choices }, { said, arrays }, end, left) {
  const { classes, names } = said;
  const n = classes.length;
  const value = (/** @type {number} */ strength, /** @type {number} */ i) => arrays["answers"][strength * n + i];
  const first = left + APART;
  const x = (/** @type {number} */ i) => first + (i / (STRENGTHS.length - 1)) * (layout.curve - first - RIGHT);
  const y = (/** @type {number} */ p) => TOP + (1 - p / end) * (HEIGHT - TOP - FOOT);
  const at = STRENGTHS.indexOf(choices.strength);
  const color = (/** @type {number} */ i) => (i < MOVERS ? CLASS_COLORS[i] : "var(--vl-bar)");
  const order = classes.map((/** @type {number} */ _, /** @type {number} */ i) => i).reverse();
  const step = x(1) - x(0);
  return [
    svg("rect", { class: "vl-band", x: x(at) - step / 3, width: (2 * step) / 3, y: 0, height: HEIGHT }),
    ...ticks(end).flatMap((text) => [svg("line", { class: "vl-gridline", x1: left, x2: layout.curve - RIGHT + 8, y1: y(Number(text)), y2: y(Number(text)) }), svg("text", { class: "vl-tick-text", x: left - 6, y: y(Number(text)) + 4, "text-anchor": "end" }, text)]),
    ...STRENGTHS.map((one, i) => svg("text", { class: `vl-tick-text ${i === at ? "vl-now" : ""}`, x: x(i), y: HEIGHT - 4, "text-anchor": "middle" }, strengthName(one))),
    ...order.map((/** @type {number} */ i) => svg("path", { class: i < MOVERS ? "vl-mover" : "vl-other", stroke: color(i), d: STRENGTHS.map((_, k) => `${k ? "L" : "M"}${x(k)} ${y(value(k, i))}`).join("") })),
    ...order.filter((/** @type {number} */ i) => i < MOVERS).flatMap((/** @type {number} */ i) => STRENGTHS.map((_, k) => svg("circle", { class: "vl-curve-dot", fill: color(i), cx: x(k), cy: y(value(k, i)), r: k === at ? 4 : 2.25 }))),
    ...numbers(),
    ...ends(),
  ];

  /** At "off", as it is and the chosen strength. */
  function numbers() {
    const shown = [...new Set([0, STRENGTHS.indexOf(1), at])];
    return shown.flatMap((k) => {
      const values = Array.from({ length: Math.min(MOVERS, n) }, (_, i) => value(k, i));
      const places = numberPlaces(values.map(y), HEIGHT - FOOT);
      return values.map((one, i) => svg("text", { class: `vl-number-text ${k === at ? "vl-now" : ""}`, x: x(k), y: places[i], "text-anchor": "middle" }, probability(one)));
    });
  }

  /** Names at the ends of the lines, kept apart. */
  function ends() {
    const last = STRENGTHS.length - 1;
    const places = Array.from({ length: Math.min(MOVERS, n) }, (_, i) => ({ i, at: y(value(last, i)) })).sort((a, b) => a.at - b.at);
    places.forEach((one, i) => {
      const above = places[i - 1];
      if (above) one.at = Math.max(one.at, above.at + LINE);
    });
    const over = Math.max(0, (places.at(-1)?.at ?? 0) - (HEIGHT - FOOT));
    for (const one of places) one.at -= over;
    return places.map(({ i, at: down }) => {
      const [name, emoji] = names[classes[i]];
      const room = 13;
      return svg("text", { class: "vl-end-text", x: x(last) + 8, y: down + 4 }, svg("title", {}, name), `${emoji ? `${emoji} ` : ""}${name.length > room ? `${name.slice(0, room - 1)}…` : name}`);
    });
  }
}
