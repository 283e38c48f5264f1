// Probabilities before and after the exchange: of both classes, and of the one that changes most.
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { labelNode } from "../lib/label_nodes.js";
import { probability } from "../lib/numbers.js";
import { svg } from "../lib/svg.js";
import { baseOf } from "./pair.js";
import { runNames } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const SIDE = 6; // room left and right of the line, px

/** @returns {{ node: HTMLElement, update: (scene: Scene) => void }} */
export function dumbbells() {
  const rows = element("div", "vl-bells");
  const words = element("p", "vl-hint");
  const node = element("div", "", {}, rows, words);
  const update = whenChanged((/** @type {Scene} */ s) => [s.exchange, s.pair, s.classes, s.layout], (s) => {
    if (!s.exchange.places.length) return;
    const { together } = s.exchange;
    fill(rows, ...(together?.classes ?? []).map((index, i) => row(index, together?.after[i] ?? NaN, s)));
    words.textContent = together ? `○ before  ● after the exchange  | ${runNames(s).other}` : "exchanging …";
  });
  return { node, update };
}

/** @param {number} index  of the class @param {number} after @param {Scene} scene */
function row(index, after, { pair, classes, effects, layout }) {
  const base = baseOf(effects.of.direction);
  const [before, other] = [base, 1 - base].map((which) => pair.probabilities[which]?.[index] ?? NaN);
  const width = layout.list - 218;
  const x = (/** @type {number | undefined} */ p) => SIDE + (p ?? 0) * (width - 2 * SIDE);
  const plot = svg(
    "svg",
    { class: "vl-bell", width, height: 16, "aria-hidden": "true" },
    svg("line", { class: "vl-ruler-line", x1: x(0), x2: x(1), y1: 8, y2: 8 }),
    svg("line", { class: "vl-bell-way", x1: x(before), x2: x(after), y1: 8, y2: 8 }),
    svg("line", { class: "vl-ruler-end", x1: x(other), x2: x(other), y1: 3, y2: 13 }),
    svg("circle", { class: "vl-dot-after", cx: x(after), cy: 8, r: 4 }),
    svg("circle", { class: "vl-dot-before", cx: x(before), cy: 8, r: 4 }),
  );
  return element("div", "vl-bell-row", {}, labelNode(classes.label(index), "vl-name vl-strong"), plot, element("span", "vl-number", {}, `${probability(before ?? NaN)} → `, element("b", "", {}, probability(after))));
}
