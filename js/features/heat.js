// Where a feature fires, on a picture: as heat over it, or as the only patches that keep their colour.
import { blueOrange, bytesOf, colorAt } from "../lib/colormaps.js";
import { edges, onGrey, tint } from "../lib/tinting.js";

/** @typedef {{ rows: number, cols: number }} Grid */

const ORANGE = bytesOf("#F0841C");
/** Fainter is nothing. */
const FAINTEST = 0.01;
/** From this share on a patch has a line around it. */
const HALF = 0.5;
const LINE = 1.25;

/** @param {number} share  of the largest activation; below 0 the other half of the signed map */
export const heatOpacity = (share) => 0.12 + 0.74 * Math.min(1, Math.abs(share));

/** @param {number} share @returns {readonly [number, number, number]} */
const heatColor = (share) => (share < 0 ? colorAt(blueOrange, 0.08) : ORANGE);

/** The legend's colour. @param {number} share */
export const heatOnGrey = (share) => (Math.abs(share) < FAINTEST ? onGrey(ORANGE, 0) : onGrey(heatColor(share), heatOpacity(share)));

/** @param {ImageData} image  on its dark ground @param {Grid} grid @param {(cell: number) => number} shareOf @param {number} low  where the legend begins: what is below is not drawn */
export function heat(image, grid, shareOf, low = 0) {
  tint(image, grid, (cell) => {
    const share = shareOf(cell);
    return Math.abs(share) < FAINTEST || Number.isNaN(share) || (share < 0 && low >= 0) ? null : { color: heatColor(share), opacity: heatOpacity(share) };
  });
}

/**
 * Patches keep their own colour by how much they fire; elsewhere stands the grey picture.
 * @param {ImageData} grey  changed in place
 * @param {ImageData} plain
 * @param {Grid} grid
 * @param {(cell: number) => number} shareOf
 */
export function spotlight(grey, plain, { rows, cols }, shareOf) {
  for (let cell = 0; cell < rows * cols; cell++) {
    const share = shareOf(cell);
    if (!(share > 0)) continue;
    const weight = Math.min(1, 0.18 + 0.95 * share);
    const [left, right] = edges(cell % cols, cols, grey.width);
    const [top, bottom] = edges(Math.floor(cell / cols), rows, grey.height);
    for (let y = top; y < bottom; y++) {
      for (let at = 4 * (y * grey.width + left), end = at + 4 * (right - left); at < end; at += 4) {
        for (let i = at; i < at + 3; i++) grey.data[i] = weight * (plain.data[i] ?? 0) + (1 - weight) * (grey.data[i] ?? 0);
      }
    }
  }
}

/** A line around the patches that fire at half of the most or more. @param {CanvasRenderingContext2D} context @param {Grid} grid @param {(cell: number) => number} shareOf @param {number} ratio */
export function outline(context, { rows, cols }, shareOf, ratio) {
  const { width, height } = context.canvas;
  const isIn = (/** @type {number} */ row, /** @type {number} */ col) => row >= 0 && col >= 0 && row < rows && col < cols && shareOf(row * cols + col) >= HALF;
  const path = new Path2D();
  const side = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ toX, /** @type {number} */ toY) => {
    path.moveTo(x, y);
    path.lineTo(toX, toY);
  };
  for (let cell = 0; cell < rows * cols; cell++) {
    const [row, col] = [Math.floor(cell / cols), cell % cols];
    if (!isIn(row, col)) continue;
    const [left, right] = edges(col, cols, width);
    const [top, bottom] = edges(row, rows, height);
    if (!isIn(row - 1, col)) side(left, top, right, top);
    if (!isIn(row + 1, col)) side(left, bottom, right, bottom);
    if (!isIn(row, col - 1)) side(left, top, left, bottom);
    if (!isIn(row, col + 1)) side(right, top, right, bottom);
  }
  for (const [color, line] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.55)", LINE + 1.5], ["#fff", LINE]])) {
    Object.assign(context, { strokeStyle: color, lineWidth: line * ratio, lineCap: "square" });
    context.stroke(path);
  }
}
