// The arithmetic of sizes: from the widget's own width to overview, pictures and curves.
import { overviewFor } from "../attention_maps/layout.js";

/** @typedef {"columns" | "two" | "stack"} Mode */

/**
 * @typedef {object} Sizes  what is to be shown
 * @property {number} rows
 * @property {number} cols
 * @property {number} nLayers
 * @property {number} nHeads  0 where nothing is said of heads
 * @property {boolean} isPair  two classes
 */

/**
 * @typedef {object} Layout
 * @property {Mode} mode
 * @property {boolean} isPair
 * @property {number} columns  of the stage: pictures and curves
 * @property {import("../lib/head_tiles.js").TileLayout & { width: number, tile: import("../lib/head_tiles.js").Size }} overview
 * @property {number} cell  side of a patch, px
 * @property {number} picture  width of a picture, px
 * @property {number} curve  width of a curve, px
 */

const PADDING = 16;
const GAP = 24;
const LARGEST_PICTURE = 420;
const LARGEST_CURVE = 520;
/** Height that an overview should not exceed: beside the pictures, and under them. */
const TALLEST = { beside: 560, under: 400 };
const LEAST_OVERVIEW = 230;
/** More heads than this take more of the width. */
const MANY_HEADS = 8;

/** @param {number} width  of the widget, padding included @param {Sizes} sizes @returns {Layout} */
export function layoutFor(width, sizes) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const mode = width >= 1000 ? "columns" : width >= 640 ? "two" : "stack";
  const beside = mode === "columns" && sizes.nHeads > 0;
  const share = Math.round((sizes.nHeads > MANY_HEADS ? 0.34 : sizes.isPair ? 0.27 : 0.31) * content);
  const overview = overviewOf(beside ? Math.max(LEAST_OVERVIEW, share) : content, beside ? TALLEST.beside : TALLEST.under, sizes);
  const stage = beside ? content - overview.width - GAP - 4 : content;
  const columns = sizes.isPair ? (mode === "stack" ? 2 : 3) : mode === "stack" ? 1 : 2;
  const column = Math.floor((stage - (columns - 1) * (sizes.isPair ? 20 : GAP)) / columns);
  const side = Math.min(column, LARGEST_PICTURE);
  const cell = Math.max(2, Math.floor(side / Math.max(sizes.rows, sizes.cols)));
  const picture = cell * sizes.cols;
  const room = sizes.isPair || columns === 1 ? column : stage - Math.max(picture, 260) - GAP;
  return { mode, isPair: sizes.isPair, columns, overview, cell, picture, curve: Math.min(room, LARGEST_CURVE) };
}

/** A tile for each head, and in a last column one for each block's sum. @param {number} width @param {number} height @param {Sizes} sizes */
function overviewOf(width, height, { rows, cols, nLayers, nHeads }) {
  const longer = Math.max(rows, cols);
  const { side, ...rest } = overviewFor(width, height, { n: longer, nBefore: 0, rows, cols, nLayers, nHeads: nHeads + 1, thumbnail: longer });
  const tile = { width: Math.round((side * cols) / longer), height: Math.round((side * rows) / longer) };
  return { ...rest, tile };
}
