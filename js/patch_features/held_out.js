// Each click left out in turn: do the others give it its class? And how that grows over the states.
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { backgroundOf } from "./class_colors.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./taught.js").TaughtClass} TaughtClass */

/** Whether each click was left out by the examples of every state, too. @param {import("./taught.js").Taught} taught */
const isInEvery = (taught) => taught.agreement("state", 0).of > 0;

/** @param {import("./scene.js").Actions} actions @returns {Part} */
export function heldOut(actions) {
  const total = element("p", "vl-held-total");
  const rows = element("div", "vl-held-rows");
  const note = element("p", "vl-hint", {}, "a class with a single click has none to leave out");
  const more = element("button", "vl-button", { type: "button", title: "A regression is fitted for each click in each state: some seconds" }, "Leave out in every state");
  more.addEventListener("click", actions.leaveOut);
  const node = element("section", "vl-held", { "aria-label": "Held-out clicks" }, element("h3", "vl-title", {}, "Held-out clicks"), total, rows, note, more);
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.taught, s.choices.state, s.choices.examples_from, s.canAsk], (s) => {
    more.hidden = !s.canAsk || isInEvery(s.data.taught) || s.data.taught.agreement("final", 0).of === 0;
    const { taught } = s.data;
    node.hidden = taught.nTaught < 2;
    const { right, of } = taught.agreement(s.choices.examples_from, s.choices.state);
    const words = element("b", "vl-value", {}, `${right} of ${of}`);
    if (of) fill(total, words, " agree, each left out in turn");
    else fill(total, taught.classes.some(({ examples }) => examples.length > 1) ? "left out in the final state alone" : "no class has two clicks yet");
    note.hidden = !taught.classes.some(({ examples }) => examples.length === 1);
    fill(rows, ...taught.classes.map((one) => heldRow(s, one)));
  });
  return { node, update };
}

/** @param {Scene} scene @param {TaughtClass} one */
function heldRow({ data: { taught }, choices }, one) {
  const lefts = one.examples.map((example) => ({ example, left: taught.left(choices.examples_from, choices.state, example) }));
  const squares = lefts.map(({ example, left }) => {
    const kind = left < 0 ? "vl-alone" : left === one.index ? "" : "vl-lost";
    const square = element("span", `vl-square ${kind}`, { title: `click ${example.number}` });
    if (!kind) square.style.background = backgroundOf(one.slot);
    return square;
  });
  const lost = lefts.filter(({ left }) => left >= 0 && left !== one.index).map(({ example, left }) => `${example.number}: ${taught.classes[left]?.name ?? ""}`);
  return element("div", "vl-held-row", {}, element("span", "vl-name", { title: one.name }, one.name), element("div", "vl-held-squares", {}, element("span", "vl-squares", {}, ...squares), element("span", "vl-quiet", {}, lost.join(", "))));
}

/** Height of the curve, px. */
export const CURVE = 74;
const TOP = 16;
const BASE = 64;

/** Whether all states stand in one row, with room before it. @param {import("./layout.js").Film} film */
export const hasCurve = ({ lines, left }) => lines === 1 && left > 0;

/** How the agreement grows, on the axis of the states. @returns {Part} */
export function agreementCurve() {
  const node = element("div", "vl-agreement");
  const drawn = element("div");
  const ofState = element("span", "vl-of-state", {}, key(false), " examples of that state");
  const legend = element("div", "vl-curve-legend vl-quiet", {}, ofState, key(true), " examples of the final state");
  node.append(drawn, legend);
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.taught, s.choices.state, s.choices.examples_from, s.layout.film, s.dark], (s) => {
    const { taught } = s.data;
    node.hidden = !hasCurve(s.layout.film) || taught.nTaught < 2 || taught.agreement("final", 0).of === 0;
    node.classList.toggle("vl-final-alone", !isInEvery(taught));
    if (!node.hidden) fill(drawn, curve(s));
  });
  return { node, update };
}

/** @param {boolean} dashed */
function key(dashed) {
  const line = svg("line", { x1: 0, x2: 28, y1: 6, y2: 6, stroke: "var(--vl-fg)", "stroke-width": dashed ? 1.25 : 1.5, "stroke-dasharray": dashed ? "4 3" : null });
  return svg("svg", { width: 28, height: 12, class: "vl-curve-key", "aria-hidden": "true" }, line, dot(14, 6, dashed));
}

/** @param {number} x @param {number} y @param {boolean} open @param {boolean} [now] */
const dot = (x, y, open, now = false) =>
  svg("circle", { cx: x, cy: y, r: now ? 4.5 : 3, fill: now ? "var(--vl-accent)" : open ? "var(--vl-bg)" : "var(--vl-fg)", stroke: now ? "none" : "var(--vl-fg)", "stroke-width": 1.25 });

/** @param {number} share */
const yOf = (share) => BASE - share * (BASE - TOP);

/** @param {Scene} scene */
function curve({ data: { taught, meta }, choices, layout: { film } }) {
  const states = meta.state_names.map((_, state) => state);
  const x = (/** @type {number} */ state) => film.left + state * film.pitch + film.width / 2;
  const end = film.left + (film.perRow - 1) * film.pitch + film.width;
  const share = (/** @type {"state" | "final"} */ from, /** @type {number} */ state) => {
    const { right, of } = taught.agreement(from, state);
    return right / of;
  };
  const lines = [0, 0.5, 1].flatMap((tick) => [
    svg("line", { x1: film.left - 4, x2: end, y1: yOf(tick), y2: yOf(tick), stroke: "var(--vl-line)" }),
    svg("text", { x: film.left - 10, y: yOf(tick) + 4, "text-anchor": "end", class: "vl-curve-text" }, String(tick)),
  ]);
  const names = ["held-out", "agreement"].map((text, i) => svg("text", { x: 0, y: yOf(0.75 - 0.5 * i) + 4, class: "vl-curve-text" }, text));
  const chance = 1 / Math.max(1, taught.nTaught);
  const guess = [
    svg("line", { x1: film.left - 4, x2: end, y1: yOf(chance), y2: yOf(chance), stroke: "var(--vl-fg2)", "stroke-dasharray": "1 3" }),
    svg("text", { x: end, y: yOf(chance) - 4, "text-anchor": "end", class: "vl-curve-text" }, `chance, 1 in ${taught.nTaught}`),
  ];
  const known = /** @type {("state" | "final")[]} */ (isInEvery(taught) ? ["final", "state"] : ["final"]);
  const series = known.flatMap((from) => [
    svg("polyline", { points: states.map((state) => `${x(state)},${yOf(share(from, state))}`).join(" "), fill: "none", stroke: "var(--vl-fg)", "stroke-width": from === "state" ? 1.5 : 1.25, "stroke-dasharray": from === "final" ? "4 3" : null, "data-of": from }),
    ...states.map((state) => dot(x(state), yOf(share(from, state)), from === "final", from === choices.examples_from && state === choices.state)),
  ]);
  const shown = known.includes(choices.examples_from) ? choices.examples_from : "final";
  const numbers = states.map((state) => {
    const now = state === choices.state;
    const value = share(shown, state);
    const top = Math.min(...known.map((from) => yOf(share(from, state))));
    return svg("text", { x: x(state), y: top - 8, "text-anchor": "middle", class: `vl-curve-text vl-curve-number${now ? " vl-current" : ""}` }, value.toFixed(2));
  });
  return svg("svg", { width: end + 8, height: CURVE, role: "img", "aria-label": `Held-out agreement over the states, ${share(shown, choices.state).toFixed(2)} at this one` }, ...lines, ...names, ...guess, ...series, ...(film.pitch >= 40 ? numbers : []));
}
