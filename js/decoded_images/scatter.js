// Does the picture tell the effect? Each head's ablation effect, and how alike its picture is.
import { element, fill } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { whenChanged } from "../lib/changes.js";
import { cosine, effect, shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HEIGHT = 178;
const LEFT = 34;
const FOOT = 18;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function scatter(meta, actions) {
  const words = element("p", "vl-scatter-words");
  const plot = svg("svg", { class: "vl-scatter", height: HEIGHT, role: "img" });
  const ends = element("div", "vl-scatter-ends vl-hint", {}, element("span", "", {}, "similarity ↑"), element("span", "", {}, "ablation effect →"));
  const node = element("section", "vl-tells", { "aria-label": "Does the picture tell the effect?" }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "Does the picture tell the effect?")), words, plot, ends);
  plot.addEventListener("click", (event) => {
    const circle = event.target instanceof Element ? event.target.closest("circle") : null;
    const at = circle?.getAttribute("data-place");
    if (at) actions.look({ layer: Math.floor(Number(at) / meta.n_heads), column: Number(at) % meta.n_heads });
  });
  const update = whenChanged((/** @type {Scene} */ s) => [s.made, s.component, s.layout], (s) => {
    const { made, layout } = s;
    node.hidden = !made.hasEffects;
    if (node.hidden) return;
    fill(words, ...tells(s));
    plot.setAttribute("width", String(layout.chart));
    ends.style.width = `${layout.chart}px`;
    plot.setAttribute("aria-label", `Similarity of the picture against the effect of the ablation of ${made.nMade} heads`);
    plot.replaceChildren(...drawn(s));
  });
  return { node, update };
}

/** @param {Scene} scene */
function tells({ made }) {
  const { rho = NaN, low = NaN, high = NaN } = made.sent.told;
  const name = element("span", "vl-quiet", {}, "rank correlation ");
  if (!Number.isNaN(rho)) return [name, element("b", "", {}, cosine(rho)), element("span", "vl-hint", {}, ` 95 %: ${cosine(low)} to ${cosine(high)}, heads drawn anew`)];
  return [name, element("span", "vl-hint", {}, made.nMade < made.nHeads ? `when all ${made.nHeads} are decoded: the first ones are the strongest` : "too few heads, or all the same")];
}

/** @param {Scene} scene */
function drawn({ made, component, layout, meta }) {
  const alike = made.similarities.filter((value) => !Number.isNaN(value));
  const band = made.band(0);
  const [low, high] = endsOf([...alike, ...(band ?? [])]);
  const most = Math.max(...made.effects, 1e-9);
  const x = (/** @type {number} */ value) => LEFT + 4 + (value / most) * (layout.chart - LEFT - 12);
  const y = (/** @type {number} */ value) => 6 + ((high - value) / (high - low)) * (HEIGHT - FOOT - 12);
  const chosen = component.column < meta.n_heads ? component.layer * meta.n_heads + component.column : -1;
  const best = made.similarities.reduce((at, value, i) => (value > (made.similarities[at] ?? -Infinity) ? i : at), -1);
  return [
    ...(band ? [svg("rect", { class: "vl-chance", x: LEFT, width: layout.chart - LEFT, y: y(band[1]), height: Math.max(1, y(band[0]) - y(band[1])) })] : []),
    ...[low, (low + high) / 2, high].flatMap((tick) => [
      svg("line", { class: "vl-gridline", x1: LEFT, x2: layout.chart, y1: y(tick), y2: y(tick) }),
      svg("text", { class: "vl-tick-text", x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, cosine(tick)),
    ]),
    ...[0, most / 2, most].map((tick, i) => svg("text", { class: "vl-tick-text", x: x(tick), y: HEIGHT - 4, "text-anchor": i === 2 ? "end" : i ? "middle" : "start" }, effect(tick))),
    ...made.similarities.flatMap((value, i) => (Number.isNaN(value) || i === chosen ? [] : [dot("vl-head-dot", x(made.effects[i] ?? 0), y(value), 3, i)])),
    ...[best, chosen].filter((i, n, all) => i >= 0 && all.indexOf(i) === n && !Number.isNaN(made.similarities[i] ?? NaN)).flatMap((i) => labelled(i)),
  ];

  /** @param {number} i */
  function labelled(i) {
    const [cx, cy] = [x(made.effects[i] ?? 0), y(made.similarities[i] ?? 0)];
    const isOwn = i === chosen;
    const isRight = cx > layout.chart - 60;
    const place = made.heads[i];
    const text = svg("text", { class: `vl-number-text ${isOwn ? "vl-current" : ""}`, x: cx + (isRight ? -8 : 8), y: cy + 4, "text-anchor": isRight ? "end" : "start" }, place ? shortName(place, meta) : "");
    return isOwn ? [dot("vl-own-dot", cx, cy, 4.5, i), text] : [text];
  }
}

/** @param {string} name @param {number} cx @param {number} cy @param {number} r @param {number} place */
const dot = (name, cx, cy, r, place) => svg("circle", { class: name, cx, cy, r, "data-place": place });

/** Ends of the axis: tenths around all values. @param {number[]} values @returns {[number, number]} */
function endsOf(values) {
  const [low, high] = [Math.floor(10 * Math.min(...values, 1) + 1e-9) / 10, Math.ceil(10 * Math.max(...values, -1) - 1e-9) / 10];
  return high > low ? [low, high] : [low - 0.1, low + 0.1];
}
