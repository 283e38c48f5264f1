// One score channel by channel: the query, the key, and what their product adds.
import { element, fill, icon } from "../lib/dom.js";
import { decimal } from "../lib/numbers.js";
import { whenChanged } from "../lib/changes.js";
import { blueOrange, colorAt, onPage } from "../lib/colormaps.js";
import { whenShown } from "../lib/when_shown.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Neurons} Neurons */

const CROSS = "M4 4l8 8M12 4l-8 8";
const BAND = 14;
const BARS = 84;

/** @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function neuronView(actions) {
  const where = element("span", "vl-secondary");
  const close = element("button", "vl-button vl-icon-button", { type: "button", title: "Close", "aria-label": "Close the neurons" }, icon(CROSS));
  close.addEventListener("click", () => actions.openNeurons(false));
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "Neurons"), where, close);
  const rows = [row("query", BAND), row("key", BAND), row("adds", BARS)];
  const sum = element("p", "vl-neuron-sum");
  const line = element("p", "vl-hint vl-neuron-line", { role: "status" });
  const node = element("section", "vl-neurons", { "aria-label": "Neurons of the pinned pair" }, head, ...rows.map((one) => one.node), sum, line);
  /** @type {Scene | null} */
  let current = null;
  rows.forEach(({ canvas }) => {
    canvas.addEventListener("pointermove", (event) => current?.neurons && (line.textContent = readOut(current.neurons, event.offsetX / canvas.clientWidth)));
    canvas.addEventListener("pointerleave", () => (line.textContent = REST));
  });

  const draw = whenChanged((/** @type {Scene} */ s) => [s.neurons, s.layout, s.dark, s.ratio], (s) => {
    node.hidden = s.neurons === null;
    if (!s.neurons) return;
    const { product } = s.neurons;
    where.textContent = `what each of ${product ? product.length : "…"} channels adds to the score of the pinned pair`;
    fill(sum, ...sumParts(s.neurons));
    line.textContent = REST;
    drawRows(s);
  });
  const drawRows = whenShown(node, (/** @type {Scene} */ s) => {
    const { query, key, product } = s.neurons ?? {};
    if (!s.neurons || !query || !key || !product) return;
    drawBand(rows[0]?.canvas, query, s);
    drawBand(rows[1]?.canvas, key, s);
    drawBars(rows[2]?.canvas, added(s.neurons), s);
  });
  const update = (/** @type {Scene} */ scene) => {
    current = scene;
    draw(scene);
  };
  return { node, update };
}

const REST = "Point at a channel to read its numbers. Blue is below 0, orange above.";

/** @param {string} name @param {number} height */
function row(name, height) {
  const canvas = element("canvas", "vl-neuron-canvas", { role: "img", "aria-label": `${name}, channel by channel` });
  canvas.style.height = `${height}px`;
  return { node: element("div", "vl-neuron-row", {}, element("span", "vl-quiet", {}, name), canvas), canvas };
}

/** What each channel adds to the score. @param {Neurons} neurons */
const added = ({ product, scale }) => Float32Array.from(product ?? [], (value) => value * scale);

/** @param {Neurons} neurons */
function sumParts({ product, scale, rest, score }) {
  if (!product) return ["…"];
  const sum = product.reduce((total, value) => total + value, 0);
  const bias = rest === 0 ? "" : ` ${rest < 0 ? "−" : "+"} position bias ${decimal(Math.abs(rest))}`;
  return [`Σ query × key = ${decimal(sum)}, times the scale ${scale.toPrecision(3)}${bias} = score `, element("b", "vl-value", {}, decimal(score))];
}

/** @param {Neurons} neurons @param {number} place  0..1 from left to right */
function readOut({ query, key, product, scale }, place) {
  if (!query || !key || !product) return REST;
  const i = Math.min(product.length - 1, Math.max(0, Math.floor(place * product.length)));
  const [q = NaN, k = NaN, p = NaN] = [query[i], key[i], product[i]];
  return `channel ${i}: query ${decimal(q)} × key ${decimal(k)}, adds ${decimal(p * scale)}`;
}

/** @param {Float32Array} values */
const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

/** @param {HTMLCanvasElement} canvas @param {number} ratio */
function prepared(canvas, ratio) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** @param {HTMLCanvasElement | undefined} canvas @param {Float32Array} values @param {Scene} scene */
function drawBand(canvas, values, { ratio, dark }) {
  if (!canvas) return;
  const context = prepared(canvas, ratio);
  const most = largest(values);
  const step = canvas.width / values.length;
  values.forEach((value, i) => {
    context.fillStyle = `rgb(${colorAt(onPage(blueOrange, dark), 0.5 + value / most / 2).join()})`;
    context.fillRect(Math.round(i * step), 0, Math.round((i + 1) * step) - Math.round(i * step), canvas.height);
  });
}

/** Bars up and down from 0, on one scale. @param {HTMLCanvasElement | undefined} canvas @param {Float32Array} values @param {Scene} scene */
function drawBars(canvas, values, { ratio, dark }) {
  if (!canvas) return;
  const context = prepared(canvas, ratio);
  const most = largest(values);
  const step = canvas.width / values.length;
  const middle = canvas.height / 2;
  values.forEach((value, i) => {
    const from = Math.round(i * step);
    const width = Math.max(1, Math.round((i + 1) * step) - from - (step > 3 * ratio ? 1 : 0));
    const height = (Math.abs(value) / most) * (middle - 1);
    context.fillStyle = `rgb(${colorAt(blueOrange, value > 0 ? 1 : 0).join()})`;
    context.fillRect(from, value > 0 ? middle - height : middle, width, height);
  });
  context.fillStyle = dark ? "#8d8d8d" : "#8a8a8a";
  context.fillRect(0, Math.round(middle), canvas.width, 1);
}
