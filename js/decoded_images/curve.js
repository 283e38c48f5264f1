// How alike the pictures of the states are to the input, under the same columns.
import { element, fill } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { whenChanged } from "../lib/changes.js";
import { cosine } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {{ x: number, y: number }} Point */

const TOP = 16;
const SPAN = 74;
const HEIGHT = TOP + SPAN + 10;
const LOWEST = -0.1;
const TICKS = [-0.5, 0, 0.5, 1];
/** Up to so many states every number is written. */
const FEW = 7;

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function curve(meta) {
  const plot = svg("svg", { class: "vl-plot", role: "img", height: HEIGHT });
  const marks = element("div", "vl-curve-ticks", { "aria-hidden": "true" });
  const title = element("div", "vl-gutter vl-curve-name", {}, element("b", "", {}, "similarity"), element("span", "vl-quiet", {}, "to the input"), marks);
  const keys = [["vl-key-solid", meta.seeds.length > 1 ? "picture, mean of seeds" : "picture"]];
  if (meta.reads === "readout") keys.push(["vl-key-dashed", "state itself, before decoding"]);
  if (meta.n_images > 1) keys.push(["vl-key-dotted", "another image’s states"]);
  const legend = element("div", "vl-curve-keys", {}, ...keys.map(([kind = "", text = ""]) => element("span", "vl-curve-key", {}, element("i", kind), text)));
  const area = element("div", "vl-area", {}, title, plot);
  const node = element("section", "vl-curve", { "aria-label": "Similarity of each state to the input" }, area, legend);
  const update = whenChanged((/** @type {Scene} */ s) => [s.layout, s.made, s.choices.state], (s) => {
    plot.setAttribute("width", String(s.layout.total));
    plot.setAttribute("aria-label", spoken(s));
    const { ticks, drawing } = drawn(s);
    plot.replaceChildren(...drawing);
    fill(marks, ...ticks);
    legend.style.marginLeft = `${s.layout.left}px`;
  });
  return { node, update };
}

/** @param {number[]} values */
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN);

/** @param {Scene} scene */
function spoken({ made, meta }) {
  const listed = meta.state_names.map((name, state) => `${name} ${cosine(mean(made.ofSeeds(state))) || "to come"}`);
  return `Similarity of the picture to the input: ${listed.join(", ")}`;
}

/** @param {Scene} scene */
function drawn({ layout, made, meta, choices }) {
  const states = meta.state_names.map((_, state) => state);
  const seeds = states.map((state) => made.ofSeeds(state));
  const [own, before, others] = [seeds.map(mean), states.map((state) => made.number({ layer: state, column: -1 }, 1)), Array.from(made.sent.others)];
  const every = [...seeds.flat(), ...before, ...others].filter((value) => !Number.isNaN(value));
  const low = Math.min(LOWEST, ...every);
  const y = (/** @type {number} */ value) => TOP + (SPAN * (1 - value)) / (1 - low);
  const x = (/** @type {number} */ state) => layout.left + state * layout.pitch + layout.cell.width / 2;
  const points = (/** @type {number[]} */ values) => values.map((value, state) => ({ x: x(state), y: y(value) }));
  const shown = TICKS.filter((tick) => tick >= low);
  const drawing = [
    ...shown.map((tick) => svg("line", { class: "vl-gridline", x1: layout.left, x2: layout.total, y1: y(tick), y2: y(tick) })),
    line(points(before), "vl-line-before"),
    line(points(others), "vl-line-others"),
    line(points(own), "vl-line-own"),
    ...seeds.flatMap((values, state) => (values.length > 1 ? [svg("line", { class: "vl-seed-range", x1: x(state), x2: x(state), y1: y(Math.min(...values)), y2: y(Math.max(...values)) })] : [])),
    ...points(own).flatMap((at, state) => (Number.isNaN(at.y) ? [] : [svg("circle", { class: `vl-dot ${state === choices.state ? "vl-current" : ""}`, cx: at.x, cy: at.y, r: state === choices.state ? 4.5 : 3 })])),
    ...numbers(own, points(own), choices.state, layout),
  ];
  return { drawing, ticks: shown.map((tick) => tickAt(tick, y(tick))) };
}

/** It stays where it is while the table moves. @param {number} tick @param {number} at */
function tickAt(tick, at) {
  const node = element("span", "vl-curve-tick", {}, String(tick).replace("-", "−"));
  node.style.top = `${at - 7}px`;
  return node;
}

/** @param {Point[]} at @param {string} className */
const line = (at, className) => svg("polyline", { class: className, points: at.filter(({ y }) => !Number.isNaN(y)).map(({ x, y }) => `${x},${y}`).join(" ") });

/** Of all states, or of the first, the middle, the chosen and the last. @param {number[]} values @param {Point[]} at @param {number} chosen @param {import("./layout.js").Layout} layout */
function numbers(values, at, chosen, { pitch, total }) {
  const last = values.length - 1;
  const some = values.length <= FEW ? values.map((_, state) => state) : [chosen, last, 0, Math.round(last / 2)];
  const written = some.filter((state, i) => some.slice(0, i).every((other) => other !== state && Math.abs(other - state) * pitch >= 34));
  return written.flatMap((state) => {
    const point = at[state];
    if (!point || Number.isNaN(point.y)) return [];
    const place = Math.min(point.x, total - 14);
    return [svg("text", { class: `vl-number-text ${state === chosen ? "vl-current" : ""}`, x: place, y: Math.max(10, point.y - 8), "text-anchor": "middle" }, cosine(values[state] ?? NaN))];
  });
}
