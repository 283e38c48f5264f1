// One token through the states by every lens: the readout, or the token pinned or pointed at. Each
// lens keeps its dashes; the line of the one that is shown is drawn the strongest.
import { axisFor } from "../lib/axis.js";
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { labelNode } from "../lib/label_nodes.js";
import { labelledStates } from "../lib/state_words.js";
import { svg } from "../lib/svg.js";
import { shownToken } from "./answers_table.js";
import { isOrdered, needsTarget, scaleOf } from "./tints.js";
import { longestName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./runs.js").Run} Run */

const LEFT = 44;
const TOP = 8;
const SPAN = 84;
const NAMES = 18;
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "4 2", "12 4"];
const LETTER = 7;

const WORDS = { probability: "probability of ", logit: "logit of ", rank: "rank of ", entropy: "entropy in nats", kl: "KL to the final answer in nats, lower is nearer" };

/** The quantity that is drawn: that of the colours, if it has an order. @param {Scene} scene @returns {keyof typeof WORDS} */
const quantityOf = ({ quantity }) => /** @type {keyof typeof WORDS} */ (isOrdered(quantity) && quantity in WORDS ? quantity : "probability");

/** @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function lensCurves(actions) {
  const what = element("span", "vl-secondary");
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "All lenses"), what);
  const plot = svg("svg", { class: "vl-plot", role: "img", height: TOP + SPAN + NAMES });
  const keys = element("div", "vl-lens-keys");
  const node = element("section", "vl-lens-curves", { "aria-label": "All lenses" }, head, plot, keys);
  /** @type {number[]} */
  let centres = [];
  plot.addEventListener("click", (event) => {
    const at = /** @type {MouseEvent} */ (event).clientX - plot.getBoundingClientRect().left;
    actions.choose({ state: nearest(centres, at) });
  });
  const update = whenChanged(
    (/** @type {Scene} */ s) => [s.runs, s.run, shownToken(s), s.state, s.quantity, s.layout],
    (scene) => {
      const name = quantityOf(scene);
      const token = shownToken(scene);
      const lines = scene.runs.map((run) => valuesOf(run, name, token));
      centres = centresOf(scene);
      fill(what, WORDS[name], needsTarget(name) ? labelNode(scene.target) : null, ` · ${scene.reading.describe(token)}`);
      plot.setAttribute("width", String(scene.layout.rightWidth));
      plot.setAttribute("aria-label", spoken(scene, name, lines));
      plot.replaceChildren(...drawn(scene, name, lines, centres));
      fill(keys, ...scene.runs.map((run, i) => key(scene, run, i, name, lines[i] ?? [])));
    },
  );
  return { node, update };
}

/** @param {Run} run @param {keyof typeof WORDS} name @param {number} token */
function valuesOf({ reading, columns }, name, token) {
  const scale = scaleOf(name, reading, columns);
  return Array.from({ length: reading.nStates }, (_, state) => (reading.isKnown(state, token) ? (scale?.value(state, token) ?? NaN) : NaN));
}

/** Under the panels where these stand in one row, else as far apart as there is room. @param {Scene} scene */
function centresOf({ layout: { axis, strip, rightWidth }, reading }) {
  if (axis) return axis.centres;
  const isUnder = strip.lines === 1 && strip.left >= LEFT;
  const pitch = (rightWidth - LEFT - 24) / Math.max(1, reading.nStates - 1);
  return Array.from({ length: reading.nStates }, (_, state) => (isUnder ? strip.left + state * strip.pitch + strip.panelWidth / 2 : LEFT + 12 + state * pitch));
}

/** @param {number[]} centres @param {number} x */
const nearest = (centres, x) => centres.reduce((best, at, state) => (Math.abs(at - x) < Math.abs((centres[best] ?? 0) - x) ? state : best), 0);

/**
 * Heights of values and the numbers beside them; ranks stand on a logarithm, the best above.
 * @param {keyof typeof WORDS} name
 * @param {number[][]} lines
 * @param {number} nClasses
 */
function axisOf(name, lines, nClasses) {
  const every = lines.flat().filter(Number.isFinite);
  if (name === "rank") {
    const worst = Math.log(Math.max(2, nClasses));
    const ticks = [1, 10, 100, 1000, 10000].filter((rank) => rank < nClasses / 2);
    return { ticks: [...ticks, nClasses], height: (/** @type {number} */ rank) => TOP + (SPAN * Math.log(rank)) / worst };
  }
  const { low, high, ticks } = axisFor(every, name === "logit" ? undefined : 0);
  return { ticks, height: (/** @type {number} */ value) => TOP + SPAN * (1 - (value - low) / (high - low)) };
}

/** @param {Scene} scene @param {keyof typeof WORDS} name @param {number[][]} lines @param {number[]} centres */
function drawn(scene, name, lines, centres) {
  const { reading, state, runs, run, layout } = scene;
  const { ticks, height } = axisOf(name, lines, reading.nClasses);
  const [x, left] = [centres[state] ?? 0, layout.axis?.left ?? LEFT];
  const order = runs.map((one, i) => ({ one, i })).sort((a, b) => Number(a.one === run) - Number(b.one === run)); // the one shown last, over the others
  return [
    ...ticks.flatMap((tick) => [
      svg("line", { class: "vl-gridline", x1: left, x2: layout.rightWidth, y1: height(tick), y2: height(tick) }),
      svg("text", { class: "vl-tick-text", x: left - 6, y: height(tick) + 4, "text-anchor": "end" }, String(tick).replace("-", "−")),
    ]),
    svg("line", { class: "vl-lens-now", x1: x, x2: x, y1: TOP - 4, y2: TOP + SPAN + 4 }),
    ...order.flatMap(({ one, i }) => curve(lines[i] ?? [], centres, height, i, one === run, state)),
    ...stateNames(scene, centres),
  ];
}

/** @param {number[]} values @param {number[]} centres @param {(value: number) => number} height @param {number} index @param {boolean} isShown @param {number} state */
function curve(values, centres, height, index, isShown, state) {
  const points = values.map((value, i) => ({ x: centres[i] ?? 0, y: height(value) })).filter(({ y }) => Number.isFinite(y));
  const now = values[state] ?? NaN;
  const kind = isShown ? " vl-shown" : "";
  return [
    svg("polyline", { class: `vl-lens-line${kind}`, "stroke-dasharray": dashOf(index), points: points.map(({ x, y }) => `${x},${y}`).join(" ") }),
    ...(Number.isFinite(now) ? [svg("circle", { class: `vl-lens-dot${kind}`, cx: centres[state] ?? 0, cy: height(now), r: isShown ? 4 : 3 })] : []),
  ];
}

/** @param {number} index */
const dashOf = (index) => DASHES[index % DASHES.length] || null;

/** @param {Scene} scene @param {number[]} centres */
function stateNames({ reading, state: chosen }, centres) {
  const pitch = centres.length > 1 ? (centres[1] ?? 0) - (centres[0] ?? 0) : 100;
  return labelledStates(reading.nStates, chosen, pitch, Math.max(44, LETTER * longestName(reading) + 8)).map((state) =>
    svg("text", { class: `vl-tick-text${state === chosen ? " vl-current" : ""}`, x: centres[state] ?? 0, y: TOP + SPAN + NAMES - 2, "text-anchor": "middle" }, reading.stateName(state)),
  );
}

/** A line as in the plot, the name of its lens, and its value in the state shown. @param {Scene} scene @param {Run} run @param {number} index @param {keyof typeof WORDS} name @param {number[]} values */
function key(scene, run, index, name, values) {
  const isShown = run === scene.run;
  const line = svg("svg", { class: "vl-lens-sample", width: 28, height: 10, "aria-hidden": "true" }, svg("line", { class: `vl-lens-line${isShown ? " vl-shown" : ""}`, "stroke-dasharray": dashOf(index), x1: 1, x2: 27, y1: 5, y2: 5 }));
  const value = written(run, name, values[scene.state] ?? NaN);
  return element("span", `vl-lens-key${isShown ? " vl-shown" : ""}`, {}, line, element("span", "", {}, run.name), element("b", "vl-number", {}, value));
}

/** @param {Run} run @param {keyof typeof WORDS} name @param {number} value */
const written = ({ reading, columns }, name, value) => (Number.isNaN(value) ? "…" : (scaleOf(name, reading, columns)?.write(value) ?? ""));

/** @param {Scene} scene @param {keyof typeof WORDS} name @param {number[][]} lines */
function spoken({ runs, reading, target }, name, lines) {
  const of = `${WORDS[name]}${needsTarget(name) ? target.name : ""}`;
  const each = runs.map((run, i) => `${run.name}: ${(lines[i] ?? []).map((value, state) => `${reading.stateName(state)} ${written(run, name, value)}`).join(", ")}`);
  return `${of}; ${each.join("; ")}`;
}
