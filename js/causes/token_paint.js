// The tokens of one state on the image: what was exchanged tints its patch, what was not has a square.
import { colorAt, magma } from "../lib/colormaps.js";
import { tint, edges } from "../lib/tinting.js";
import { css, cellColor, paint } from "./shades.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** A token not tried yet has no square below this share of the scale. */
const FAINTEST = 1 / 8;
/** Side of a square, CSS px, and of the patch at most. */
const SQUARE = { px: 8, share: 0.5 };

/** Of covered patches: to be seen on light and on dark pictures. @type {[color: string, width: number][]} */
const OUTLINE = [["#ffffff", 4], ["#1a1a1a", 2]];

/**
 * @param {HTMLCanvasElement} canvas  as large as the picture, in device pixels
 * @param {Scene} scene
 * @param {number} layer
 */
export function drawState(canvas, scene, layer) {
  const { pair, effects, tokens, ratio } = scene;
  const context = canvas.getContext("2d");
  const image = pair.grounds[scene.effects.of.direction === "noising" ? 0 : 1]?.copy("map", canvas.width, canvas.height);
  if (!context || !image) return;
  const end = effects.tokenEnd;
  const every = Array.from({ length: tokens.rows * tokens.cols }, (_, patch) => {
    const position = tokens.position(tokens.nPrefix + patch);
    return position === null ? null : effects.token(layer, position);
  });
  tint(image, tokens, (patch) => {
    const share = every[patch]?.share ?? NaN;
    return Number.isNaN(share) ? null : paint(share, end);
  });
  context.putImageData(image, 0, 0);
  for (const [patch, effect] of every.entries()) {
    if (!effect || !Number.isNaN(effect.share) || !(Math.abs(effect.estimate) >= FAINTEST * end)) continue;
    context.fillStyle = css(cellColor(effect.estimate, end, false));
    context.fillRect(...squareOf(patch, tokens, canvas, ratio));
  }
}

/** @param {number} patch @param {{ rows: number, cols: number }} grid @param {{ width: number, height: number }} canvas @param {number} ratio @returns {[number, number, number, number]} */
function squareOf(patch, { rows, cols }, { width, height }, ratio) {
  const [left, right] = edges(patch % cols, cols, width);
  const [top, bottom] = edges(Math.floor(patch / cols), rows, height);
  const side = Math.max(1, Math.round(Math.min(SQUARE.px * ratio, SQUARE.share * Math.min(right - left, bottom - top))));
  return [Math.round((left + right - side) / 2), Math.round((top + bottom - side) / 2), side, side];
}

/**
 * Where a head looks, on the image.
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 * @param {(position: number) => number} weightOf
 * @param {number} most  the largest weight that is shown
 */
export function drawLooks(canvas, { pair, tokens, effects }, weightOf, most) {
  const image = pair.grounds[effects.of.direction === "noising" ? 0 : 1]?.copy("map", canvas.width, canvas.height);
  if (!image) return;
  tint(image, tokens, (patch) => {
    const position = tokens.position(tokens.nPrefix + patch);
    const share = position === null || !(most > 0) ? 0 : Math.min(1, weightOf(position) / most);
    return { color: colorAt(magma, share), opacity: 0.36 + 0.54 * share };
  });
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/**
 * The other image, with its covered patches outlined.
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 */
export function drawCover(canvas, { pair, tokens, effects, ratio }) {
  const context = canvas.getContext("2d");
  const image = pair.grounds[1]?.copy("plain", canvas.width, canvas.height);
  if (!context || !image) return;
  context.putImageData(image, 0, 0);
  const covered = new Set(effects.of.covered.map((token) => token - tokens.nPrefix));
  const outline = new Path2D();
  for (const patch of covered) {
    const [row, col] = [Math.floor(patch / tokens.cols), patch % tokens.cols];
    const [left, right] = edges(col, tokens.cols, canvas.width);
    const [top, bottom] = edges(row, tokens.rows, canvas.height);
    const sides = /** @type {[boolean, number, number, number, number][]} */ ([
      [row > 0 && covered.has(patch - tokens.cols), left, top, right, top],
      [row < tokens.rows - 1 && covered.has(patch + tokens.cols), left, bottom, right, bottom],
      [col > 0 && covered.has(patch - 1), left, top, left, bottom],
      [col < tokens.cols - 1 && covered.has(patch + 1), right, top, right, bottom],
    ]);
    for (const [isInside, ...[x, y, toX, toY]] of sides) {
      if (isInside) continue;
      outline.moveTo(x, y);
      outline.lineTo(toX, toY);
    }
  }
  for (const [color, width] of OUTLINE) {
    Object.assign(context, { strokeStyle: color, lineWidth: width * ratio, lineCap: "square" });
    context.stroke(outline);
  }
}

/** The largest of the patches' weights. @param {Float32Array | Uint8Array} weights @param {number} nBefore */
export const mostOf = (weights, nBefore) => Array.from(weights.subarray(nBefore)).reduce((a, b) => Math.max(a, b), 0);
