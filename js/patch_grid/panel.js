// One state drawn into one canvas: the tinted picture, outlines between classes, glyphs.
import { bytesOf, colorAt } from "../lib/colormaps.js";
import { CLASS_OPACITY, VEIL_OPACITY, edges, mapOpacity, tint } from "../lib/tinting.js";
import { drawGlyphs, isNamedByRegion, showsEmoji } from "./glyphs.js";
import { groundOf, isMissing } from "./tints.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("../lib/tinting.js").Paint} Paint */

/** Below this size of a cell the outlines themselves would cover the cells. */
const SMALLEST_OUTLINED = 5;
/** Below this they are half as wide. */
const FINE_OUTLINED = 8;
/** And below this, the rim of a white corner would be darker than the corner is white. */
const SMALLEST_RIMMED = 24;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} given
 * @param {number} state
 * @param {{ width: number, height: number, cell: number, large: boolean }} size  CSS pixels
 */
export function drawPanel(canvas, given, state, { width, height, cell, large }) {
  const scene = large ? given : ofPanel(given, cell);
  canvas.width = Math.round(width * scene.ratio);
  canvas.height = Math.round(height * scene.ratio);
  const { grounds } = scene;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = grounds.copy(groundOf(scene.tint, scene.dark), canvas.width, canvas.height);
  if (!scene.reading.isKnown(state, 0)) return context.putImageData(pixels, 0, 0);
  tint(pixels, scene.reading, paints(scene, state, showsEmoji(scene.reading, cell)), Math.max(1, Math.round(scene.ratio)));
  context.putImageData(pixels, 0, 0);
  const outlined = outlineOf(scene, cell, large);
  if (outlined) drawOutlines(context, scene, state, outlined);
  drawGlyphs(context, scene, state, { cell, large }, grounds.isBright);
  const isNoise = scene.isDifference && !large && !showsEmoji(scene.reading, cell); // two lenses seldom agree on small patches
  if (scene.changed && !isNoise) markChanged(context, scene, state, cell);
}

/**
 * Whether a small panel, whose cells show no glyph, says the answers by its colours. A quantity that
 * somebody has chosen stays.
 * @param {Pick<Scene, "reading" | "glyph" | "tint">} scene
 * @param {number} cell  CSS pixels
 */
export const showsClasses = ({ reading, glyph, tint: name }, cell) => name === "probability" && glyph !== "none" && !showsEmoji(reading, cell);

/** @param {Scene} scene @param {number} cell @returns {Scene} */
const ofPanel = (scene, cell) => (showsClasses(scene, cell) ? { ...scene, tint: "class", scale: null } : scene);

/** A white corner on each patch whose answer an edit has changed. @param {CanvasRenderingContext2D} context @param {Scene} scene @param {number} state @param {number} cell */
function markChanged(context, { reading, ratio, changed }, state, cell) {
  if (cell < SMALLEST_OUTLINED) return;
  const side = ratio * Math.max(3, Math.min(12, 0.3 * cell));
  context.lineWidth = ratio;
  for (let patch = 0; patch < reading.nPatches; patch++) {
    if (!changed?.(state, reading.nPrefix + patch)) continue;
    const right = edges(patch % reading.cols, reading.cols, context.canvas.width)[1];
    const top = edges(Math.floor(patch / reading.cols), reading.rows, context.canvas.height)[0];
    context.beginPath();
    context.moveTo(right - side, top);
    context.lineTo(right, top);
    context.lineTo(right, top + side);
    context.closePath();
    context.fillStyle = "#fff";
    context.strokeStyle = "rgba(0, 0, 0, 0.85)";
    context.fill();
    if (cell >= SMALLEST_RIMMED) context.stroke();
  }
}

/**
 * What is laid over each patch.
 * @param {Scene} scene
 * @param {number} state
 * @param {boolean} hatching  cells are large enough for stripes to be seen
 * @returns {(cell: number) => Paint | null}
 */
function paints(scene, state, hatching) {
  const { reading, scale, dark } = scene;
  const missing = bytesOf(dark ? "#242424" : "#EEEEEE");
  return (cell) => {
    const token = reading.nPrefix + cell;
    if (isMissing(scene, state, token)) return { color: missing, opacity: 1 };
    if (scene.tint === "class") return classPaint(scene, reading.topClass(state, token), hatching);
    if (!scale) return null;
    const place = scale.place(scale.value(state, token));
    return { color: colorAt(scale.map, place), opacity: mapOpacity(scale.strength(place)) };
  };
}

/** @param {Scene} scene @param {number} index @param {boolean} hatching @returns {Paint} */
function classPaint({ styles, dark }, index, hatching) {
  const { color, hatched, background } = styles(index);
  if (background) return { color: dark ? [17, 17, 17] : [255, 255, 255], opacity: VEIL_OPACITY };
  const [own, light] = [bytesOf(color), lighter(bytesOf(color))];
  return { color: hatched && !hatching ? light : own, opacity: CLASS_OPACITY, hatch: hatched && hatching ? light : null };
}

/** @param {[number, number, number]} color @returns {[number, number, number]} half way to white */
const lighter = ([r, g, b]) => [(r + 255) / 2, (g + 255) / 2, (b + 255) / 2];

/**
 * Lines between classes: with class colours always, otherwise in the place of emoji too small to see.
 * @param {Scene} scene
 * @param {number} cell
 * @param {boolean} large  the large picture, not a panel
 * @returns {{ color: string, width: number } | null} null where no outlines are drawn
 */
function outlineOf({ reading, tint: name, glyph, dark }, cell, large) {
  if (cell < SMALLEST_OUTLINED) return null;
  if (name === "class") return { color: outlineColor(dark, large), width: large ? 1.75 : cell < FINE_OUTLINED ? 0.75 : 1 };
  return isNamedByRegion({ reading, glyph, tint: name }, cell) ? { color: "rgba(255,255,255,.55)", width: 1 } : null;
}

/** In panels some of the colour under it is seen. @param {boolean} dark @param {boolean} large */
const outlineColor = (dark, large) => (large ? (dark ? "#fff" : "#1b1b1b") : dark ? "rgba(255,255,255,.7)" : "rgba(0,0,0,.75)");

/**
 * A line wherever two neighbouring patches have different top classes.
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} state
 * @param {{ color: string, width: number }} style
 */
function drawOutlines(context, { reading, ratio }, state, style) {
  const { rows, cols, nPrefix } = reading;
  const { width, height } = context.canvas;
  /** @param {number} row @param {number} col */
  const at = (row, col) => reading.topClass(state, nPrefix + row * cols + col);
  context.beginPath();
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = edges(row, rows, height);
    for (let col = 0; col < cols; col++) {
      const [left, right] = edges(col, cols, width);
      if (col + 1 < cols && at(row, col) !== at(row, col + 1)) line(context, right, top, right, bottom);
      if (row + 1 < rows && at(row, col) !== at(row + 1, col)) line(context, left, bottom, right, bottom);
    }
  }
  context.strokeStyle = style.color;
  context.lineWidth = style.width * ratio;
  context.lineCap = "square";
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 */
function line(context, x0, y0, x1, y1) {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}
