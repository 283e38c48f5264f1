// All features as points; of very many, how many stand in each cell.
import { CLASS_COLORS } from "../lib/colormaps.js";
import { SELECTIVE } from "./catalogue.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Above it, points would lie on points: counts are shown. */
export const MOST_POINTS = 10000;
/** Fewer are larger, to be seen at all. */
const MANY_POINTS = 3000;
const MOST_FOUND = 2000;
const CELL = 3;
/** Shades of the page's own ink, light and dark. */
const INK = { light: "86,86,86", dark: "173,173,173" };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 * @param {{ left: number, top: number, width: number, height: number }} plot  CSS px in the canvas
 * @returns {number} the most features of a cell, 0 where points are shown
 */
export function paintScatter(canvas, scene, plot) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(scene.ratio, 0, 0, scene.ratio, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.translate(plot.left, plot.top);
  const ink = INK[scene.dark ? "dark" : "light"];
  const { points } = scene;
  const isMap = points.n > MOST_POINTS;
  const most = isMap ? paintCounts(context, points, plot, ink) : 0;
  if (!isMap) paintPoints(context, points, plot, `rgba(${ink},.45)`);
  paintFound(context, scene, plot, isMap);
  return most;
}

/** @param {CanvasRenderingContext2D} context @param {import("./points.js").Points} points @param {{ width: number, height: number }} plot @param {string} color */
function paintPoints(context, { x, y, n }, { width, height }, color) {
  context.fillStyle = color;
  const side = n > MANY_POINTS ? 1.3 : 2.4;
  for (let id = 0; id < n; id++) {
    const [left, low] = [x[id] ?? NaN, y[id] ?? NaN];
    if (Number.isNaN(left + low)) continue;
    context.fillRect(left * width - side / 2, (1 - low) * height - side / 2, side, side);
  }
}

/** @param {CanvasRenderingContext2D} context @param {import("./points.js").Points} points @param {{ width: number, height: number }} plot @param {string} ink */
function paintCounts(context, points, { width, height }, ink) {
  const [columns, rows] = [Math.ceil(width / CELL), Math.ceil(height / CELL)];
  const counts = new Uint32Array(columns * rows);
  for (let id = 0; id < points.n; id++) {
    if (!points.isThere(id)) continue;
    const col = Math.min(columns - 1, Math.floor(((points.x[id] ?? 0) * width) / CELL));
    const row = Math.min(rows - 1, Math.floor(((1 - (points.y[id] ?? 0)) * height) / CELL));
    counts[row * columns + col]++;
  }
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  counts.forEach((count, i) => {
    if (!count) return;
    context.fillStyle = `rgba(${ink},${0.2 + 0.8 * (Math.log(count) / Math.log(Math.max(2, most)))})`;
    context.fillRect((i % columns) * CELL, Math.floor(i / columns) * CELL, CELL, CELL);
  });
  return most;
}

/** What is searched, in the first class colour; with nothing searched, the commonest classes in theirs. @param {CanvasRenderingContext2D} context @param {Scene} scene @param {{ width: number, height: number }} plot @param {boolean} isMap */
function paintFound(context, scene, { width, height }, isMap) {
  const { points, found, choices, catalogue, only } = scene;
  const isSearch = choices.target !== null || only !== null;
  if (!isSearch && (isMap || !scene.meta.has_classes)) return;
  const colors = isSearch ? null : commonColors(scene);
  if (isMap && found.length > MOST_FOUND) return;
  for (const id of found) {
    if (!points.isThere(id)) continue;
    if (colors && !(catalogue.number("selectivity", id) >= SELECTIVE)) continue;
    const color = colors ? colors.get(catalogue.best(id)) : CLASS_COLORS[0];
    if (!color) continue;
    context.fillStyle = color;
    context.beginPath();
    context.arc((points.x[id] ?? 0) * width, (1 - (points.y[id] ?? 0)) * height, colors ? 1.6 : 2.2, 0, 7);
    context.fill();
  }
}

/** The classes that most selective features have, with a colour each. @param {Scene} scene @returns {Map<number, string>} */
export function commonColors({ catalogue }) {
  const counts = new Map();
  const areas = catalogue.numbers("selectivity");
  for (let id = 0; id < catalogue.n; id++) {
    if ((areas[id] ?? 0) >= SELECTIVE) counts.set(catalogue.best(id), (counts.get(catalogue.best(id)) ?? 0) + 1);
  }
  const order = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || a - b);
  return new Map(order.slice(0, CLASS_COLORS.length).map((target, i) => [target, CLASS_COLORS[i] ?? ""]));
}
