// The scores of all states on the masked patches, under the strip and linked with it.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { chart } from "./chart.js";
import { counted } from "../lib/numbers.js";
import { countHidden } from "./painting.js";
import { edgeWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** In the order in which the kernel sends them. @type {import("./chart.js").Metric[]} */
const METRICS = [
  { name: "MSE", better: "lower is better", digits: 4, from: 0 },
  { name: "PSNR, dB", better: "higher is better", digits: 1 },
  { name: "SSIM", better: "higher is better", digits: 3 },
];
const IOU = { name: "IoU of objects", better: "higher is better", digits: 3, from: 0 };

/** Room a number takes: where states are nearer, only some are written. */
const NUMBER = 50;

/**
 * @param {import("./painting.js").Meta} meta
 * @param {import("./scene.js").Actions} actions
 * @param {string[]} [shown]  names of the metrics; all without
 * @returns {import("./scene.js").Part}
 */
export function curves(meta, actions, shown) {
  const metrics = meta.has_iou ? [...METRICS, IOU] : METRICS;
  const places = metrics.flatMap(({ name }, metric) => (shown?.includes(name) ?? true ? [metric] : []));
  const charts = places.map((metric) => ({ metric, ...chart(/** @type {import("./chart.js").Metric} */ (metrics[metric])) }));
  const bands = { current: element("div", "vl-band vl-band-current"), passing: element("div", "vl-band vl-band-passing", { hidden: true }) };
  const axis = element("div", "vl-axis", { "aria-hidden": "true" });
  const note = element("p", "vl-note", { role: "status" });
  const plots = element("div", "vl-plots", {}, bands.current, bands.passing, ...charts.map(({ node }) => node), axis);
  const foot = element("div", "vl-foot");
  const node = element("section", "vl-curves", { "aria-label": "Scores of each state" }, note, plots, foot);
  /** @type {number[]} */
  let centres = [];
  listen(plots, () => centres, actions);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], (s) => void (centres = s.layout.centres)),
    whenChanged((/** @type {Scene} */ s) => [s.layout, s.choices.state, s.passing], (s) => placeBands(s, bands)),
    whenChanged((s) => [s.layout, s.choices.state, s.passing], (s) => nameStates(s, axis)),
    whenChanged((s) => [s.layout, s.choices.state, s.passing, s.data.numbers], (s) =>
      charts.forEach(({ draw, metric }) => draw(curveOf(s, metric))),
    ),
    whenChanged((s) => [s.data.areNumbersOld], (s) => plots.classList.toggle("vl-old", s.data.areNumbersOld)),
    whenChanged((s) => [s.data.painting, s.data.numbers], ({ data, meta: { state_names } }) => {
      note.textContent = edgeWords(data.painting.mask);
      const isEmpty = countHidden(data.painting.mask) === 0;
      setAttributes(plots, { "data-empty": isEmpty });
      fill(foot, ...(isEmpty ? [] : footWords(data, state_names)));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene @param {number} metric @returns {import("./chart.js").Curve} */
function curveOf({ data, layout, choices, passing, meta }, metric) {
  const { centres } = layout;
  const pitch = centres.length > 1 ? (centres[1] ?? 0) - (centres[0] ?? 0) : layout.right;
  const all = centres.map((_, state) => state);
  return {
    original: data.numbers.column(metric, "original"),
    final: data.numbers.column(metric, "final"),
    centres,
    width: layout.right,
    chosen: choices.state,
    labelled: new Set(pitch >= NUMBER ? all : [passing ?? choices.state]),
    names: meta.state_names,
  };
}

/** @param {Scene} scene @param {{ current: HTMLElement, passing: HTMLElement }} bands */
function placeBands({ layout, choices, passing }, bands) {
  bands.passing.hidden = passing === null || passing === choices.state;
  for (const [band, state] of /** @type {const} */ ([[bands.current, choices.state], [bands.passing, passing ?? 0]])) {
    band.style.left = `${(layout.centres[state] ?? 0) - layout.band / 2}px`;
    band.style.width = `${layout.band}px`;
  }
}

/** Names of the states under the curves, where no panel stands above. @param {Scene} scene @param {HTMLElement} axis */
function nameStates({ layout, choices, passing, meta }, axis) {
  axis.hidden = layout.strip.lines === 1 && layout.centres[0] === layout.strip.panel.width / 2;
  if (axis.hidden) return;
  const shown = new Set([0, choices.state, passing ?? choices.state, layout.centres.length - 1]);
  const near = (/** @type {number} */ a, /** @type {number} */ b) => a !== b && Math.abs((layout.centres[a] ?? 0) - (layout.centres[b] ?? 0)) < 44;
  const first = passing ?? choices.state;
  const names = [...shown].filter((state) => !near(state, first)).map((state) => {
    const name = element("span", state === choices.state ? "vl-current" : "", {}, meta.state_names[state] ?? "");
    name.style.left = `${layout.centres[state]}px`;
    return name;
  });
  fill(axis, ...names);
}

/** @param {import("./scene.js").Data} data @param {string[]} names */
function footWords({ painting, numbers }, names) {
  const key = (/** @type {string} */ kind, /** @type {string} */ words) => element("span", "vl-key", {}, element("i", `vl-key-${kind}`), words);
  const near = numbers.converged === names.length - 1 ? "near the final answer only there" : `near the final answer from ${names[numbers.converged]} on`;
  const rule = "The first state from which on the MSE to the final answer is at most a tenth of its largest";
  const on = element("span", "vl-foot-words", {}, `on ${counted(countHidden(painting.mask), "masked patch", "masked patches")} · `, element("span", "", { title: rule }, near));
  return [key("original", "against the original"), key("final", "against the final answer"), on];
}

/** Pointing at a state in the curves, and choosing it. @param {HTMLElement} plots @param {() => number[]} centresOf @param {import("./scene.js").Actions} actions */
function listen(plots, centresOf, { pass, choose }) {
  const stateAt = (/** @type {MouseEvent} */ { clientX }) => {
    const x = clientX - plots.getBoundingClientRect().left;
    const away = centresOf().map((centre) => Math.abs(centre - x));
    return away.indexOf(Math.min(...away));
  };
  plots.addEventListener("pointermove", (event) => pass(null, stateAt(event)));
  plots.addEventListener("pointerleave", () => pass(null));
  plots.addEventListener("click", (event) => choose({ state: stateAt(event) }));
}
