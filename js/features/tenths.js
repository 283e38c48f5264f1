// A patch of each tenth of the activations above 0; a thread leads from each to its value.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { svg } from "../lib/svg.js";
import { markOf } from "./fires.js";
import { binsOf, placeIn } from "./bins.js";
import { keyNodes } from "./histogram.js";
import { paintRgb } from "./name_node.js";
import { activation } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const N = 10;
const THREAD = 34;
/** What is around the patch is dimmed. */
const DIM = "rgba(0,0,0,.5)";

/** @returns {import("./scene.js").Part} */
export function tenths() {
  const tiles = Array.from({ length: N }, () => {
    const canvas = element("canvas", "vl-tenth", { role: "img" });
    const words = element("div", "vl-under");
    return { node: element("div", "vl-tile", { role: "listitem" }, canvas, words), canvas, words };
  });
  const line = element("div", "vl-tenth-line", { role: "list", "aria-label": "One patch from each tenth" }, ...tiles.map(({ node }) => node));
  const key = element("span", "vl-hint vl-to-right");
  const threads = svg("svg", { class: "vl-threads", height: THREAD, "aria-hidden": "true" });
  const node = element("section", "vl-tenths", { "aria-label": "One patch from each tenth" }, element("div", "vl-sub-head", {}, element("h4", "vl-sub-title", {}, "One patch from each tenth"), element("span", "vl-hint", {}, "of those above 0; threads lead to its value"), key), line, threads);
  const update = whenChanged((/** @type {Scene} */ s) => [s.look("sheet"), s.layout, s.id, s.choices.target], (s) => {
    const sheet = s.look("sheet");
    const count = sheet ? sheet.said.tenth_at.length : N;
    const { crop, right } = s.layout;
    node.hidden = count === 0;
    tiles.forEach((one, i) => {
      one.node.hidden = i >= count;
      Object.assign(one.canvas.style, { width: `${crop}px`, height: `${crop}px` });
      fill(one.words);
      setAttributes(one.canvas, { "aria-label": sheet && i < count ? `${activation(sheet.arrays["tenths"][i])}` : "on its way" });
      if (sheet && i < count) drawTile(one, s, sheet, i, count);
      else setAttributes(one.canvas, { width: 1, height: 1 });
    });
    setAttributes(threads, { width: right });
    fill(key, ...keyNodes(s));
    fill(threads, ...(sheet ? threadsOf(s, sheet, count) : []));
  });
  return { node, update };
}

/** @param {{ canvas: HTMLCanvasElement, words: HTMLElement }} one @param {Scene} scene @param {import("./scene.js").Found} sheet @param {number} i @param {number} count */
function drawTile({ canvas, words }, scene, { said, arrays }, i, count) {
  const side = Math.round(Math.sqrt(arrays["crops"].length / 3 / count));
  setAttributes(canvas, { width: side, height: side });
  paintRgb(canvas, arrays["crops"].subarray(i * side * side * 3, (i + 1) * side * side * 3));
  const [row, col, across] = /** @type {[number, number, number]} */ (said.tenth_at[i]);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const cell = side / across;
  const whole = new Path2D();
  whole.rect(0, 0, side, side);
  whole.rect(col * cell, row * cell, cell, cell);
  context.fillStyle = DIM;
  context.fill(whole, "evenodd");
  Object.assign(context, { strokeStyle: "#fff", lineWidth: 1.5 });
  context.strokeRect(col * cell, row * cell, cell, cell);
  fill(words, markOf(scene, said.tenth_classes[i]), element("span", "", {}, activation(arrays["tenths"][i])));
}

/** From the middle of each crop to its value on the histogram's axis, which stands below. @param {Scene} scene @param {import("./scene.js").Found} sheet @param {number} count */
function threadsOf({ layout, meta }, { said, arrays }, count) {
  const bins = binsOf(arrays["counts"], meta.edges, said.last);
  const pitch = (layout.right - layout.crop) / (N - 1);
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [i * pitch + layout.crop / 2, placeIn(bins, arrays["tenths"][i], layout.right)];
    return [
      svg("path", { class: "vl-thread", d: `M${from} 0C${from} ${THREAD * 0.55} ${to} ${THREAD * 0.3} ${to} ${THREAD - 4}` }),
      svg("circle", { class: "vl-thread-end", cx: to, cy: THREAD - 4, r: 1.75 }),
    ];
  }).flat();
}
