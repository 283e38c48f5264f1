// What stands on a patch for its top answer: an emoji, the label, first letters, or a dot.
import { firstLetters, isBackground } from "../lib/labels.js";
import { probability } from "../lib/numbers.js";
import { sprite } from "../lib/sprites.js";
import { edges } from "../lib/tinting.js";
import { emojiCell } from "./layout.js";
import { regionsOf } from "./regions.js";
import { isMissing } from "./tints.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./reading.js").Answer} Answer */

/**
 * @typedef {object} Pen  how glyphs look on the picture at hand
 * @property {CanvasRenderingContext2D} context
 * @property {import("./reading.js").Reading} reading
 * @property {number} cell  CSS pixels
 * @property {number} ratio  device pixels per CSS pixel
 * @property {boolean} onLight
 * @property {boolean} alone  only some patches have glyphs: one that says "nothing is here" must be seen
 * @property {string} family  the widget's font
 */

const LARGEST_FILLED = 14;
const SMALLEST_DOTTED = 24;
const SMALLEST_LABELLED = 40;

/**
 * @param {import("./layout.js").Grid} grid
 * @param {number} cell  CSS pixels
 */
export const showsEmoji = (grid, cell) => cell >= emojiCell(grid);

/** Share of the cell that an emoji fills. @param {number} cell */
const emojiShare = (cell) => (cell > SMALLEST_LABELLED ? 0.6 : cell < LARGEST_FILLED ? 0.9 : 0.74);

/** A faint guess is still to be seen. @param {number} p */
const opacityOf = (p) => 0.25 + 0.75 * p;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} state
 * @param {{ cell: number, large: boolean }} size  of a cell, CSS pixels; in the large picture or a panel
 * @param {boolean} brightPicture
 */
export function drawGlyphs(context, scene, state, { cell, large }, brightPicture) {
  const { reading, glyph, ratio } = scene;
  const family = getComputedStyle(context.canvas).fontFamily || "system-ui, sans-serif";
  const pen = { context, reading, cell, ratio, family, onLight: isLight(scene, brightPicture), alone: scene.tint === "difference" };
  const { width, height } = context.canvas;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const named = isNamedByRegion(scene, cell);
  if (named && large) nameRegions(pen, scene, state);
  for (let patch = 0; patch < reading.nPatches; patch++) {
    const [left, right] = edges(patch % reading.cols, reading.cols, width);
    const [top, bottom] = edges(Math.floor(patch / reading.cols), reading.rows, height);
    const token = reading.nPrefix + patch;
    const answer = reading.answer(state, token);
    if (scene.tint === "difference" && !scene.changed?.(state, token)) continue;
    const missing = isMissing(scene, state, token);
    const draw = missing ? drawMissing : named ? null : glyph === "emoji" ? drawEmoji : glyph === "label" ? drawLabel : null;
    draw?.(pen, answer, (left + right) / 2, (top + bottom) / 2);
  }
  context.globalAlpha = 1;
}

/**
 * Whether cells are too small for a glyph each: then regions are outlined, and named once each.
 * @param {Pick<Scene, "reading" | "glyph" | "tint">} scene
 * @param {number} cell  CSS pixels
 */
export const isNamedByRegion = ({ reading, glyph, tint }, cell) =>
  tint !== "difference" && glyph !== "none" && (glyph === "label" ? cell < SMALLEST_LABELLED : !showsEmoji(reading, cell));

/** Least side of an emoji, and height of a line, px. */
const SMALLEST_EMOJI = 15;
const LINE = 14;

/** @param {Pen} pen @param {Scene} scene @param {number} state */
function nameRegions(pen, { reading, glyph }, state) {
  const { context, cell, ratio } = pen;
  const classAt = (/** @type {number} */ patch) => {
    const token = reading.nPrefix + patch;
    return Number.isNaN(reading.topProbability(state, token)) ? null : reading.topClass(state, token);
  };
  for (const region of regionsOf(reading.rows, reading.cols, classAt)) {
    const label = reading.label(region.of);
    if (isBackground(label.name)) continue;
    const [x, y] = [(region.col * context.canvas.width) / reading.cols, (region.row * context.canvas.height) / reading.rows];
    const [width, height] = [region.width * cell, region.height * cell];
    context.globalAlpha = 1;
    if (glyph === "emoji" && label.emoji) {
      const side = Math.min(40, 0.9 * Math.min(width, height));
      if (side >= SMALLEST_EMOJI) stamp(pen, label.emoji, Math.round(side * ratio), x, y);
    } else if (height >= LINE) {
      context.font = `600 ${11 * ratio}px ${pen.family}`;
      const name = glyph === "label" ? label.name : label.brief;
      if (context.measureText(name).width <= (width - 2) * ratio) write({ ...pen, cell: width }, name, 11, 600, x, y);
    }
  }
}

/** @param {Pen} pen @param {string} emoji @param {number} size  device pixels @param {number} x @param {number} y */
function stamp({ context, onLight }, emoji, size, x, y) {
  const image = sprite(emoji, size, onLight ? "light" : "dark");
  context.drawImage(image, Math.round(x - image.width / 2), Math.round(y - image.height / 2));
}

/** @param {Scene} scene @param {boolean} brightPicture */
function isLight({ tint, dark }, brightPicture) {
  if (tint === "class") return !dark;
  return tint === "none" && brightPicture;
}

/** @param {Pen} pen @param {Answer} answer @param {number} x @param {number} y */
function drawEmoji(pen, { label, probability: p }, x, y) {
  const { context, reading, cell, ratio } = pen;
  if (isBackground(label.name)) return drawDot(pen, x, y);
  if (!showsEmoji(reading, cell)) return;
  context.globalAlpha = opacityOf(p);
  if (!label.emoji) {
    write(pen, firstLetters(label.brief, Math.max(1, Math.floor((cell - 2) / 7.5) - 1)), 11, 400, x, y);
    return;
  }
  stamp(pen, label.emoji, Math.round(emojiShare(cell) * cell * ratio), x, y);
}

/** @param {Pen} pen @param {Answer} answer @param {number} x @param {number} y */
function drawLabel(pen, { label, probability: p }, x, y) {
  const { context, ratio } = pen;
  if (isBackground(label.name)) return drawDot(pen, x, y);
  context.globalAlpha = 1; // faint text is not read; its number says how probable
  write(pen, label.name, 11, 600, x, y - 7 * ratio);
  write(pen, probability(p), 11, 400, x, y + 7 * ratio);
}

/** A dot, or a ring where other patches have none. @param {Pen} pen @param {number} x @param {number} y */
function drawDot({ context, cell, ratio, onLight, alone }, x, y) {
  if (alone) return drawRing(context, x, y, ratio * Math.max(1.5, 0.12 * cell), ratio);
  if (cell < SMALLEST_DOTTED) return;
  context.globalAlpha = 0.6;
  context.fillStyle = onLight ? "#1b1b1b" : "#fff";
  context.beginPath();
  context.arc(x, y, 1.5 * ratio, 0, 2 * Math.PI);
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} radius @param {number} ratio */
function drawRing(context, x, y, radius, ratio) {
  context.globalAlpha = 1;
  for (const [style, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.6)", 3], ["#fff", 1.25]])) {
    context.strokeStyle = style;
    context.lineWidth = width * ratio;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** Not a number: said in words where they fit, else by a small red square. @type {typeof drawEmoji} */
function drawMissing({ context, cell, ratio, family }, _answer, x, y) {
  context.globalAlpha = 1;
  context.fillStyle = "#d3473d";
  if (cell < 28) {
    const side = Math.max(1, Math.round((cell * ratio) / 3));
    context.fillRect(Math.round(x - side / 2), Math.round(y - side / 2), side, side);
    return;
  }
  context.font = `600 ${11 * ratio}px ${family}`;
  context.fillText("NaN", x, y);
}

/**
 * Text on a picture, cut with an ellipsis to the cell's width.
 * @param {Pen} pen
 * @param {string} text
 * @param {number} size  CSS pixels
 * @param {number} weight
 * @param {number} x
 * @param {number} y
 */
function write({ context, cell, ratio, onLight, family }, text, size, weight, x, y) {
  context.font = `${weight} ${size * ratio}px ${family}`;
  context.fillStyle = onLight ? "#1b1b1b" : "#fff";
  context.shadowColor = onLight ? "rgba(255,255,255,.9)" : "rgba(0,0,0,.9)";
  context.shadowBlur = 3 * ratio;
  context.fillText(fitted(context, text, (cell - 4) * ratio), x, y);
  context.shadowColor = "transparent";
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} width */
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length - 1;
  while (length > 1 && context.measureText(`${text.slice(0, length).trimEnd()}…`).width > width) length--;
  return `${text.slice(0, length).trimEnd()}…`;
}
