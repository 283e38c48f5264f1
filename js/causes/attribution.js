// "What the readout adds up": the logits of target and against as they would be read after each half
// block, with the final norm frozen, and under them what each step adds to their difference. It is a
// slider along the steps. It takes plain data and knows nothing of the widget:
//
//   const view = attributionView({ passStep, pinStep });   // step or null; what a step is: half_blocks.js
//   root.append(view.node);
//   view.show({ columns, target: { label, color, logits }, against: null, readout: "CLS",
//               layer: 3, passing: null, pinned: null });
//
// `logits` are the 2 L + 2 sums: after the embedding, after attention and MLP of each block, and with
// the biases, where they are the model's own logits.
import { axisFor } from "../lib/axis.js";
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { firstLetters } from "../lib/labels.js";
import { decimal } from "../lib/numbers.js";
import { svg } from "../lib/svg.js";
import { barAt, biasStep, difference, halfNames, partOf, pointX, stepAt, stepsOf } from "./half_blocks.js";

/**
 * @typedef {object} Summed  a class
 * @property {import("../lib/labels.js").Label} label
 * @property {string} color  "#rrggbb"
 * @property {ArrayLike<number>} logits  by step
 */

/**
 * @typedef {object} Attribution
 * @property {import("./columns.js").Columns} columns
 * @property {Summed} target
 * @property {Summed | null} against
 * @property {string} readout  what is read: "CLS", "the mean of patches"
 * @property {number | null} layer  the chosen one
 * @property {number | null} passing  step under the pointer
 * @property {number | null} pinned  step
 */

/** @typedef {{ passStep: (step: number | null) => void, pinStep: (step: number) => void }} Actions */

/** Heights: the curves with room above them, the names of the halves, bars up and down, their numbers. */
const TOP = 10;
const CURVES = 124;
const NAMES = 24;
const BARS = 16;
const HEIGHT = TOP + CURVES + NAMES + 2 * BARS + 18;
const BASE = TOP + CURVES + NAMES + BARS;

/** Two numbers at the curves' ends stand so far apart. */
const LINE = 14;

/** What a number with two decimals and a sign needs right of its point. */
const ROOM = 72;

/** @param {Actions} actions */
export function attributionView(actions) {
  const words = element("span", "vl-secondary");
  const plot = svg("svg", { class: "vl-sums-plot", height: HEIGHT, "aria-hidden": "true" });
  const slider = element("div", "vl-sums", { role: "slider", tabindex: 0, "aria-label": "Step of the sum" }, plot);
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "What the readout adds up"), words);
  /** @type {Attribution | null} */
  let shown = null;
  listen(slider, () => shown, actions);
  const drawings = [
    whenChanged((/** @type {Attribution} */ s) => [s.readout], (s) => {
      fill(words, `logits read at ${s.readout} after each half block, final norm frozen; the steps sum to the answer`);
    }),
    whenChanged((s) => [s.columns, s.target, s.against, s.layer, s.passing, s.pinned], (s) => {
      setAttributes(plot, { width: s.columns.width });
      plot.replaceChildren(...drawn(s));
      const step = s.passing ?? s.pinned ?? biasStep(s.columns.nLayers);
      setAttributes(slider, {
        "aria-valuemin": 0,
        "aria-valuemax": biasStep(s.columns.nLayers),
        "aria-valuenow": step,
        "aria-valuetext": said(s, step).map((pair) => pair.join(" ")).join(", "),
      });
    }),
  ];
  return {
    node: element("section", "vl-attribution", { "aria-label": "What the readout adds up" }, head, slider),
    /** @param {Attribution} attribution */
    show(attribution) {
      shown = attribution;
      for (const draw of drawings) draw(attribution);
    },
  };
}

/**
 * What there is to say of a step, for a read-out line.
 * @param {Attribution} attribution
 * @param {number} step
 * @returns {[words: string, number: string][]}
 */
export function said({ target, against, columns }, step) {
  const both = against ? [target, against] : [target];
  const change = stepsOf(difference(target.logits, against?.logits))[step] ?? NaN;
  return [
    ["after", partOf(step, columns.nLayers)],
    ...both.map(({ label, logits }) => /** @type {[string, string]} */ ([label.name, decimal(logits[step] ?? NaN)])),
    [against ? "the step adds to the difference" : "the step adds", signed(change)],
  ];
}

/** @param {number} value @param {number} digits */
const signed = (value, digits = 2) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);

/** @param {Attribution} s */
function drawn(s) {
  const { columns, target, against } = s;
  const both = against ? [target, against] : [target];
  const { low, high, ticks } = axisFor(both.flatMap(({ logits }) => Array.from(logits)), 0);
  const y = (/** @type {number} */ value) => TOP + CURVES * (1 - (value - low) / (high - low));
  const lines = both.map(({ logits }) => Array.from(logits, (value, step) => ({ x: pointX(step, columns), y: y(value) })));
  return [
    ...band(s),
    ...[...new Set([0, ...ticks])].flatMap((tick) => gridLine(tick, y(tick), columns)),
    ...area(lines),
    ...halves(columns),
    ...bars(s),
    ...both.map((one, i) => curve(lines[i] ?? [], one.color, i === 1)).reverse().flat(),
    ...passingLine(s),
    ...both.flatMap((one, i) => marked(s, lines[i] ?? [], one.color)),
    ...ends(both, lines, columns),
  ];
}

/** @typedef {{ x: number, y: number }} Point */

/** The chosen layer, through the whole height. @param {Attribution} s */
const band = ({ layer, columns }) =>
  layer === null ? [] : [svg("rect", { class: "vl-band", x: columns.left(layer), y: 0, width: columns.pitch, height: HEIGHT })];

/** @param {number} tick @param {number} y @param {import("./columns.js").Columns} columns */
function gridLine(tick, y, columns) {
  const [from, to] = [columns.start - 30, pointX(biasStep(columns.nLayers), columns)];
  return [
    svg("line", { class: tick === 0 ? "vl-zero" : "vl-gridline", x1: from, x2: to, y1: y, y2: y }),
    svg("text", { class: "vl-tick-text", x: from - 6, y: y + 4, "text-anchor": "end" }, String(tick).replace("-", "−")),
  ];
}

/** Between the two curves. @param {Point[][]} lines */
const area = ([target, against]) =>
  target && against ? [svg("polygon", { class: "vl-between", points: pointsOf([...target, ...against.toReversed()]) })] : [];

/** @param {Point[]} points */
const pointsOf = (points) => points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

/** @param {Point[]} points @param {string} color @param {boolean} isAgainst */
function curve(points, color, isAgainst) {
  const kind = isAgainst ? "vl-against" : "vl-target";
  const dots = points.map(({ x, y }) => svg("circle", { class: `vl-dot ${kind}`, cx: x, cy: y, r: points.length > 40 ? 2 : 3.5, stroke: color, fill: isAgainst ? null : color }));
  return [svg("polyline", { class: `vl-sum ${kind}`, points: pointsOf(points), stroke: color }), ...dots];
}

/** "attention", "MLP" under each half of a column, or of the first one where they are narrow. @param {import("./columns.js").Columns} columns */
function halves({ pitch, nLayers, left }) {
  const names = halfNames(pitch);
  const layers = pitch >= 80 ? nLayers : 1;
  return Array.from({ length: layers }, (_, layer) =>
    names.map((name, half) => svg("text", { class: "vl-half", x: left(layer) + ((half + 0.5) * pitch) / 2, y: TOP + CURVES + 16, "text-anchor": "middle" }, name)),
  ).flat();
}

/** What each step adds to the difference. @param {Attribution} s */
function bars({ target, against, columns }) {
  const steps = stepsOf(difference(target.logits, against?.logits));
  const largest = Math.max(...steps.map(Math.abs)) || 1;
  const narrow = columns.pitch < 80;
  const numbered = (narrow ? 0.55 : 0.3) * largest;
  const label = against ? (narrow || columns.start < 110 ? "diff." : "difference") : "steps";
  const last = biasStep(columns.nLayers);
  return [
    svg("line", { class: "vl-gridline", x1: columns.start - 30, x2: pointX(last, columns) + 8, y1: BASE, y2: BASE }),
    svg("text", { class: "vl-half", x: columns.start - 36, y: BASE + 4, "text-anchor": "end" }, label),
    svg("text", { class: "vl-half", x: pointX(last, columns), y: TOP + CURVES + 16, "text-anchor": "middle" }, "bias"),
    ...steps.flatMap((value, step) => {
      const { x, width } = barAt(step, columns);
      const height = (BARS * Math.abs(value)) / largest;
      const bar = svg("rect", { class: value < 0 ? "vl-step vl-down" : "vl-step vl-up", x, y: value < 0 ? BASE : BASE - height, width, height });
      const isNumbered = Math.abs(value) >= numbered && columns.pitch >= 52;
      const y = BASE + 14 + (value < 0 ? height : 0);
      return isNumbered ? [bar, svg("text", { class: "vl-number-text", x: x + width / 2, y, "text-anchor": "middle" }, signed(value, narrow ? 1 : 2))] : [bar];
    }),
  ];
}

/** @param {Attribution} s */
const passingLine = ({ passing, columns }) =>
  passing === null ? [] : [svg("line", { class: "vl-at", x1: pointX(passing, columns), x2: pointX(passing, columns), y1: TOP, y2: TOP + CURVES })];

/** The points that are looked at and pinned. @param {Attribution} s @param {Point[]} points @param {string} color */
const marked = ({ passing, pinned }, points, color) =>
  [[passing, "vl-passing"], [pinned, "vl-pinned"]].flatMap(([step, kind]) => {
    const at = typeof step === "number" ? points[step] : undefined;
    return at ? [svg("circle", { class: `vl-dot-mark ${kind}`, cx: at.x, cy: at.y, r: 5.5, fill: color })] : [];
  });

/** The model's logits at the curves' ends, apart from one another. @param {Summed[]} both @param {Point[][]} lines @param {import("./columns.js").Columns} columns */
function ends(both, lines, columns) {
  const at = lines.map((line) => line.at(-1) ?? { x: 0, y: 0 });
  const [upper, lower] = at.length === 2 && (at[0]?.y ?? 0) > (at[1]?.y ?? 0) ? [1, 0] : [0, 1];
  const apart = Math.max(0, LINE - Math.abs((at[1]?.y ?? Infinity) - (at[0]?.y ?? 0))) / 2;
  return both.map(({ label, logits }, i) => {
    const y = (at[i]?.y ?? 0) + 4 + (i === upper ? -apart : i === lower ? apart : 0);
    const value = logits[biasStep(columns.nLayers)] ?? NaN;
    const isNarrow = columns.width - (at[i]?.x ?? 0) < ROOM;
    const number = isNarrow ? shortly(value) : decimal(value);
    const sign = label.emoji || firstLetters(label.name, 2);
    return svg("text", { class: "vl-end", x: (at[i]?.x ?? 0) + 8, y }, svg("tspan", { class: label.emoji ? "vl-emoji-text" : "vl-letters" }, sign), svg("tspan", { class: "vl-strong", dx: 2 }, number));
  });
}

/** With as many decimals as four signs have room for. @param {number} value */
export const shortly = (value) => [2, 1, 0].map((digits) => value.toFixed(digits).replace("-", "−")).find((text) => text.length <= 4) ?? decimal(value);

/** Pointing at a step, choosing it, and stepping on by keys. @param {HTMLElement} slider @param {() => Attribution | null} shown @param {Actions} actions */
function listen(slider, shown, { passStep, pinStep }) {
  const at = (/** @type {MouseEvent} */ { clientX }) => {
    const columns = shown()?.columns;
    return columns ? stepAt(clientX - slider.getBoundingClientRect().left, columns) : null;
  };
  slider.addEventListener("pointermove", (event) => passStep(at(event)));
  slider.addEventListener("pointerleave", () => passStep(null));
  slider.addEventListener("click", (event) => {
    const step = at(event);
    if (step !== null) pinStep(step);
  });
  slider.addEventListener("keydown", (event) => {
    const s = shown();
    const step = s && stepOfKey(event.key, s);
    if (step === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") pinStep(step);
    else passStep(step);
  });
  slider.addEventListener("blur", () => passStep(null));
}

/** @param {string} key @param {Attribution} s @returns {number | null} null for any other key */
function stepOfKey(key, { columns, passing, pinned }) {
  const last = biasStep(columns.nLayers);
  const now = passing ?? pinned ?? last;
  const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, Enter: now }[key];
  return to === undefined ? null : Math.min(last, Math.max(0, to));
}
