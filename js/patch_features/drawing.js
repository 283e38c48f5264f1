// One state of an image drawn into one canvas: components, similarity, classes.
import { blueOrange, bytesOf, colorAt, onPage, viridis } from "../lib/colormaps.js";
import { CLASS_OPACITY, VEIL_OPACITY, edges, mapOpacity, tint } from "../lib/tinting.js";
import { lighter, styleOf } from "./class_colors.js";
import { shownGroups } from "./groups.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("../lib/grounds.js").Grounds} Grounds */
/** @typedef {{ width: number, height: number }} Size  CSS pixels */

/** How much of a colour is left of what is not in the foreground. */
const BEHIND = 0.14;

/** @param {boolean} dark @returns {[number, number, number]} */
const missing = (dark) => bytesOf(dark ? "#242424" : "#EEEEEE");

/** What the colours of the patches are: their components, or their groups. @param {HTMLCanvasElement} canvas @param {Scene} scene @param {number} state @param {Size & { cell: number, large: boolean }} size */
export function drawColours(canvas, scene, state, size) {
  const groups = shownGroups(scene);
  if (!groups) return drawComponents(canvas, scene, state);
  const { data, choices, dark, ratio, grounds } = scene;
  onGround(canvas, grounds, dark ? "dark" : "light", size, ratio, (pixels) => {
    tint(pixels, data.meta, (cell) => groupPaint(groups.group(state, choices.image, cell), dark), Math.max(1, Math.round(ratio)));
  });
  outlineRegions(canvas, data.meta, groups.regions(state, choices.image), dark ? "#fff" : "#1b1b1b", size, ratio);
}

/** @param {number} group @param {boolean} dark @returns {import("../lib/tinting.js").Paint} */
function groupPaint(group, dark) {
  if (group < 0) return { color: missing(dark), opacity: 1 };
  return { ...inClassColour(group), opacity: CLASS_OPACITY };
}

/** @param {number} slot */
function inClassColour(slot) {
  const { color, hatched } = styleOf(slot);
  return { color, hatch: hatched ? lighter(color) : null };
}

/** One pixel a patch. @param {HTMLCanvasElement} canvas @param {Scene} scene @param {number} state */
function drawComponents(canvas, { data, choices, dark }, state) {
  const { meta, components } = data;
  const image = new ImageData(meta.cols, meta.rows);
  const colors = components.colors(state, choices.image);
  const paper = dark ? 17 : 255;
  for (let patch = 0; patch < meta.rows * meta.cols; patch++) {
    const gone = components.isMissing(state, choices.image, patch);
    const keep = choices.colours === "foreground" && !components.isForeground(state, choices.image, patch) ? BEHIND : 1;
    const color = gone ? missing(dark) : Array.from(colors.subarray(3 * patch, 3 * patch + 3), (one) => paper + keep * (one - paper));
    image.data.set([...color, 255], 4 * patch);
  }
  Object.assign(canvas, { width: meta.cols, height: meta.rows });
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** Where a cosine stands on the map, 0..1. @param {number} cosine */
export const placeOf = (cosine) => (cosine + 1) / 2;

/** @param {number} cosine @param {boolean} flat @param {boolean} dark @returns {import("../lib/tinting.js").Paint} */
function similarPaint(cosine, flat, dark) {
  if (Number.isNaN(cosine)) return { color: missing(dark), opacity: 1 };
  return { color: colorAt(flat ? onPage(blueOrange, dark) : blueOrange, placeOf(cosine)), opacity: flat ? 1 : mapOpacity(Math.abs(cosine)) };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 * @param {object} what
 * @param {number} what.state
 * @param {number} what.image
 * @param {Grounds} what.grounds
 * @param {Size} size
 */
export function drawSimilar(canvas, { data, choices, dark, ratio }, { state, image, grounds }, size) {
  const { meta, similar } = data;
  const flat = choices.similarity === "flat";
  onGround(canvas, grounds, similar ? "map" : "plain", size, ratio, (pixels) => {
    if (similar) tint(pixels, meta, (cell) => similarPaint(similar.cosine(state, image, cell + meta.prefix.length), flat, dark));
  });
}

/** @param {HTMLCanvasElement} canvas @param {Scene} scene @param {number} state @param {Size & { cell: number, large: boolean }} size */
export function drawClasses(canvas, scene, state, size) {
  const { data, choices, dark, ratio, grounds } = scene;
  const { meta, taught } = data;
  const isTaught = taught.map.length > 0;
  const byClass = isByClass(scene);
  const ground = !isTaught ? "plain" : byClass ? (dark ? "dark" : "light") : "map";
  onGround(canvas, grounds, ground, size, ratio, (pixels) => {
    if (isTaught) tint(pixels, meta, (cell) => classPaint(scene, state, cell), Math.max(1, Math.round(ratio)));
  });
  if (!isTaught) return;
  const color = byClass && !dark ? "#1b1b1b" : byClass ? "#fff" : "rgba(255,255,255,.6)";
  outlineRegions(canvas, meta, taught.regions(state, choices.image), color, size, ratio);
}

/** Lines between regions, where there is room for them. @param {HTMLCanvasElement} canvas @param {{ rows: number, cols: number }} grid @param {ArrayLike<number>} regions @param {string} color @param {{ cell: number, large: boolean }} size @param {number} ratio */
function outlineRegions(canvas, grid, regions, color, { cell, large }, ratio) {
  if (cell >= SMALLEST_OUTLINED) outline(canvas, grid, regions, color, (large ? 1.75 : 1) * ratio);
}

/** Below it, CSS pixels, lines would hide the patches. */
const SMALLEST_OUTLINED = 4;

/** One class alone is certain everywhere: how like its examples the patches are says more. @param {Scene} scene */
export const isByClass = ({ choices, data }) => choices.tint === "class" && data.taught.nTaught > 1;

/** An answer hardly above chance is veiled: a map names something everywhere. @param {number} nClasses */
const leastCertain = (nClasses) => (nClasses > 1 ? 1 / nClasses + 0.1 : 0);

/** @param {Scene} scene @param {number} state @param {number} cell @returns {import("../lib/tinting.js").Paint} */
function classPaint(scene, state, cell) {
  const { data, choices, dark } = scene;
  const { index, probability } = data.taught.answer(state, choices.image, cell + data.meta.prefix.length);
  if (index < 0) return { color: missing(dark), opacity: 1 };
  if (!isByClass(scene)) return { color: colorAt(viridis, probability), opacity: mapOpacity(probability) };
  const veiled = probability < leastCertain(data.taught.nTaught);
  return { ...inClassColour(data.taught.slot(index)), opacity: veiled ? VEIL_OPACITY : CLASS_OPACITY };
}

/** @param {HTMLCanvasElement} canvas @param {Grounds} grounds @param {import("../lib/grounds.js").GroundName} ground @param {Size} size @param {number} ratio @param {(pixels: ImageData) => void} paint */
function onGround(canvas, grounds, ground, { width, height }, ratio, paint) {
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const pixels = grounds.copy(ground, canvas.width, canvas.height);
  paint(pixels);
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** A line wherever two neighbouring patches differ. @param {HTMLCanvasElement} canvas @param {{ rows: number, cols: number }} grid @param {ArrayLike<number>} regions @param {string} color @param {number} width */
function outline(canvas, { rows, cols }, regions, color, width) {
  const context = canvas.getContext("2d");
  if (!context) return;
  context.beginPath();
  for (let row = 0, cell = 0; row < rows; row++) {
    const [top, bottom] = edges(row, rows, canvas.height);
    for (let col = 0; col < cols; col++, cell++) {
      const [left, right] = edges(col, cols, canvas.width);
      if (col + 1 < cols && regions[cell] !== regions[cell + 1]) line(context, right, top, right, bottom);
      if (row + 1 < rows && regions[cell] !== regions[cell + cols]) line(context, left, bottom, right, bottom);
    }
  }
  Object.assign(context, { strokeStyle: color, lineWidth: width, lineCap: "square" });
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function line(context, x0, y0, x1, y1) {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}
