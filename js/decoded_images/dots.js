// The chosen head among all: each number as a strip on which every head is a dot.
import { element, fill } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { whenChanged } from "../lib/changes.js";
import { cosine, effect } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HEIGHT = 20;
const PAD = 6;
const WIDTH = 120;

/**
 * @typedef {object} Strip
 * @property {string} name
 * @property {string} title
 * @property {(scene: Scene) => number[]} valuesOf  of all heads
 * @property {(value: number) => string} write
 * @property {0 | 1} [band]  which numbers of random directions
 */

/** @type {Strip[]} */
const STRIPS = [
  { name: "picture like the input", title: "cosine of what the encoder pools of the picture and of the input", valuesOf: (s) => s.made.similarities, write: cosine, band: 0 },
  { name: "embedding like it", title: "the same of what was decoded, before any picture", valuesOf: (s) => s.made.befores, write: cosine, band: 1 },
  { name: "ablation effect", title: "1 − cosine of the final embeddings, with the head switched off at all tokens and all later blocks run again: it contains indirect paths, the picture only the direct one", valuesOf: (s) => s.made.effects, write: effect },
];

/** @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function dots(actions) {
  const among = element("span", "vl-secondary");
  const lines = STRIPS.map((strip) => ({ strip, ...line(strip, actions) }));
  const note = element("p", "vl-hint");
  const node = element("section", "vl-this-head", { "aria-label": "This head among all" }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "This head"), among), element("div", "vl-strips", {}, ...lines.map((one) => one.node)), note);
  const update = whenChanged((/** @type {Scene} */ s) => [s.made, s.component], (s) => {
    const { made } = s;
    among.textContent = made.nMade < made.nHeads ? `among ${made.nMade} decoded` : `among all ${made.nHeads}`;
    for (const { strip, draw, node: one } of lines) {
      one.hidden = !strip.valuesOf(s).some((value) => !Number.isNaN(value));
      draw(s);
    }
    note.textContent = made.band(0) ? `grey band: ${made.nRandom} random directions, each as long as a head’s contribution, 5 to 95 %` : `${made.nHeads} random directions follow`;
  });
  return { node, update };
}

/** @param {Strip} strip @param {import("./scene.js").Actions} actions */
function line({ name, title, valuesOf, write, band }, actions) {
  const plot = svg("svg", { class: "vl-dots", width: WIDTH, height: HEIGHT, "aria-hidden": "true" });
  const value = element("b", "vl-strip-value");
  const rank = element("span", "vl-strip-rank");
  const node = element("div", "vl-strip-line", { title }, element("span", "vl-strip-word", {}, name), plot, value, rank);
  /** @type {{ x: number[], places: import("./scene.js").Place[] }} */
  let at = { x: [], places: [] };
  plot.addEventListener("click", (event) => {
    const from = /** @type {MouseEvent} */ (event).clientX - plot.getBoundingClientRect().left;
    const near = at.x.reduce((best, x, i) => (Number.isNaN(x) || Math.abs(x - from) >= Math.abs((at.x[best] ?? Infinity) - from) ? best : i), -1);
    const place = at.places[near];
    if (place) actions.look(place);
  });
  /** @param {Scene} scene */
  const draw = (scene) => {
    const { made, component, meta } = scene;
    const values = valuesOf(scene);
    const known = values.filter((one) => !Number.isNaN(one));
    const range = band === undefined ? null : made.band(band);
    const [low, high] = [Math.min(...known, ...(range ?? [])), Math.max(...known, ...(range ?? []))];
    const x = (/** @type {number} */ one) => (high > low ? PAD + ((one - low) / (high - low)) * (WIDTH - 2 * PAD) : WIDTH / 2);
    at = { x: values.map(x), places: made.heads };
    const own = component.column < meta.n_heads ? (values[component.layer * meta.n_heads + component.column] ?? NaN) : NaN;
    plot.replaceChildren(
      ...(range ? [svg("rect", { class: "vl-chance", x: x(range[0]), width: Math.max(1, x(range[1]) - x(range[0])), y: 2, height: HEIGHT - 4 })] : []),
      svg("line", { class: "vl-gridline", x1: PAD, x2: WIDTH - PAD, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
      ...at.x.filter((one) => !Number.isNaN(one)).map((cx) => svg("circle", { class: "vl-head-dot", cx, cy: HEIGHT / 2, r: 2.5 })),
      ...(Number.isNaN(own) ? [] : [svg("circle", { class: "vl-own-dot", cx: x(own), cy: HEIGHT / 2, r: 4.5 })]),
    );
    fill(value, write(own));
    rank.textContent = made.rank(values, component);
  };
  return { node, draw };
}
