// One curve of scores by state: solid against the original, dashed against the final answer.
import { element } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { axisFor, labelShift } from "../lib/axis.js";
import { score } from "./words.js";

/**
 * @typedef {object} Metric
 * @property {string} name
 * @property {string} better
 * @property {number} digits
 * @property {number} [from]  where the axis begins in any case
 */

/**
 * @typedef {object} Curve  everything one chart is drawn from
 * @property {number[]} original  by state
 * @property {number[]} final
 * @property {number[]} centres  px
 * @property {number} width
 * @property {number} chosen
 * @property {Set<number>} labelled  states whose numbers are written
 * @property {string[]} names
 * @property {[string, string]} [words]  of the two lines; against the original and the final answer unless said otherwise
 */

/** Room for a number above the highest and under the lowest point, and the axis between. */
const TOP = 22;
const SPAN = 52;
const HEIGHT = TOP + SPAN + 20;
/** Before it stand the numbers of the axis. */
const LEFT = 34;

/** @param {Metric} metric */
export function chart(metric) {
  const plot = svg("svg", { class: "vl-plot", role: "img", height: HEIGHT });
  const head = element("div", "vl-chart-head", {}, element("b", "", {}, metric.name), element("span", "vl-secondary", {}, metric.better));
  return {
    node: element("div", "vl-chart", {}, head, plot),
    /** @param {Curve} curve */
    draw: (curve) => {
      plot.setAttribute("width", String(curve.width));
      plot.setAttribute("aria-label", spoken(metric, curve));
      plot.replaceChildren(...drawn(metric, curve));
    },
  };
}

/** @param {Metric} metric @param {Curve} curve */
function spoken({ name, digits }, { original, final, names, words = ["against the original", "against the final answer"] }) {
  /** @param {number[]} values */
  const listed = (values) => values.map((value, state) => `${names[state]} ${valueText(value, digits)}`).join(", ");
  return `${name} ${words[0]}: ${listed(original)}; ${words[1]}: ${listed(final)}`;
}

/** @param {number} value @param {number} digits */
const valueText = (value, digits) => (value === Infinity ? "∞ (itself)" : score(value, digits));

/** @param {Metric} metric @param {Curve} curve */
function drawn(metric, curve) {
  const { low, high, ticks } = axisFor([...curve.original, ...curve.final], metric.from);
  /** @param {number} value */
  const height = (value) => TOP + SPAN * (1 - (value - low) / (high - low));
  const solid = points(curve.original, curve.centres, height);
  const dashed = points(curve.final, curve.centres, height);
  return [
    ...ticks.flatMap((tick) => axisLine(tick, height(tick), curve.width)),
    line(dashed, "vl-line-final"),
    line(solid, "vl-line-original"),
    ...dots(dashed, "vl-dot-final", curve.chosen),
    ...dots(solid, "vl-dot-original", curve.chosen),
    ...numbers(curve.original, curve.final, solid, dashed, metric.digits, curve, ""),
    ...numbers(curve.final, curve.original, dashed, solid, metric.digits, curve, "vl-quiet"),
  ];
}

/** @typedef {{ x: number, y: number }} Point  y is not finite where there is no value */

/** @param {number[]} values @param {number[]} centres @param {(value: number) => number} height @returns {Point[]} */
const points = (values, centres, height) =>
  values.map((value, state) => ({ x: centres[state] ?? 0, y: Number.isFinite(value) ? height(value) : NaN }));

/** @param {number} tick @param {number} y @param {number} width */
const axisLine = (tick, y, width) => [
  svg("line", { class: "vl-gridline", x1: LEFT, x2: width, y1: y, y2: y }),
  svg("text", { class: "vl-tick-text", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, String(tick).replace("-", "−")),
];

/** @param {Point[]} at @param {string} className */
const line = (at, className) =>
  svg("polyline", { class: className, points: at.filter(({ y }) => !Number.isNaN(y)).map(({ x, y }) => `${x},${y}`).join(" ") });

/** @param {Point[]} at @param {string} className @param {number} chosen */
const dots = (at, className, chosen) =>
  at.flatMap(({ x, y }, state) =>
    Number.isNaN(y) ? [] : [svg("circle", { class: `${className} ${state === chosen ? "vl-current" : ""}`, cx: x, cy: y, r: state === chosen ? 4.5 : 3 })],
  );

/**
 * The values as text, each beside its point, on the side away from the other curve.
 * @param {number[]} values
 * @param {number[]} others
 * @param {Point[]} at
 * @param {Point[]} otherAt
 * @param {number} digits
 * @param {Curve} curve
 * @param {string} className
 */
function numbers(values, others, at, otherAt, digits, { labelled, chosen, width }, className) {
  return values.flatMap((value, state) => {
    const point = at[state];
    if (!point || !labelled.has(state) || Number.isNaN(value) || (value === others[state] && className)) return [];
    const y = Number.isNaN(point.y) ? TOP - 6 : point.y + labelShift(point.y, otherAt[state]?.y ?? NaN);
    const anchor = point.x > width - 30 ? "end" : point.x < LEFT + 24 ? "start" : "middle";
    const x = anchor === "end" ? Math.min(width, point.x + 16) : anchor === "start" ? Math.max(LEFT + 4, point.x - 16) : point.x;
    const current = state === chosen ? "vl-current" : "";
    return [svg("text", { class: `vl-number-text ${className} ${current}`, x, y, "text-anchor": anchor }, valueText(value, digits))];
  });
}
