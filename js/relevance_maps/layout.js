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
 * @property {number} columns  of the stage: pictures, and beside one picture its curve
 * @property {number} curves  that stand side by side
 * @property {import("../lib/head_tiles.js").TileLayout & { width: number, tile: import("../lib/head_tiles.js").Size }} overview
 * @property {number} cell  side of a patch, px
 * @property {number} picture  width of a picture, px
 * @property {number} curve  width of a curve, px
 * @property {number} curveHeight
 */

/** @typedef {Pick<Layout, "columns" | "curves" | "picture" | "cell" | "curve" | "curveHeight">} Stage */

const PADDING = 16;
const GAP = 24;
const PAIR_GAP = 20;
const LARGEST_PICTURE = 420;
const LARGEST_CURVE = 520;
/** Height that an overview should not exceed: beside the pictures, and under them. */
const TALLEST = { beside: 560, under: 400 };
const LEAST_OVERVIEW = 230;
/** More heads than this take more of the width. */
const MANY_HEADS = 8;
/** A grid that is so many times as wide as high has the whole width, and its heads stand below. */
const WIDE = 2;
const TALLEST_WIDE = 300;
/** A curve beside a picture, or beside another curve, has at least so much. */
const LEAST_CURVE = 300;
const LEAST_OF_TWO = 240;
/** Title, keys and the line under a curve that stands beside a picture. */
const AROUND_CURVE = 110;
/** And the least height of the curve itself, and the most. */
const CURVE_HEIGHTS = [140, 320];

/** @param {number} width  of the widget, padding included @param {Sizes} sizes @returns {Layout} */
export function layoutFor(width, sizes) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const mode = modeFor(width, sizes);
  const beside = mode === "columns" && sizes.nHeads > 0;
  const share = Math.round((sizes.nHeads > MANY_HEADS ? 0.34 : sizes.isPair ? 0.27 : 0.31) * content);
  const overview = overviewOf(beside ? Math.max(LEAST_OVERVIEW, share) : content, beside ? TALLEST.beside : TALLEST.under, sizes);
  const room = beside ? content - overview.width - GAP - 4 : content;
  return { mode, isPair: sizes.isPair, overview, ...(sizes.isPair ? stageOfTwo(room, mode, sizes) : stageOfOne(room, mode, sizes)) };
}

/** @param {{ rows: number, cols: number }} sizes */
const isWide = ({ rows, cols }) => cols >= WIDE * rows;

/** @param {number} width @param {Sizes} sizes @returns {Mode} */
function modeFor(width, sizes) {
  if (width >= 1000) return isWide(sizes) ? "two" : "columns";
  return width >= 640 ? "two" : "stack";
}

/** Two classes and their difference, the two curves under them. @param {number} room @param {Mode} mode @param {Sizes} sizes @returns {Stage} */
function stageOfTwo(room, mode, sizes) {
  const columns = isWide(sizes) && room < 900 ? 1 : mode === "stack" ? 2 : 3;
  const curves = (room - GAP) / 2 >= LEAST_OF_TWO ? 2 : 1;
  const curve = Math.min(Math.floor((room - (curves - 1) * GAP) / curves), LARGEST_CURVE);
  return { columns, curves, ...pictureIn(Math.floor((room - (columns - 1) * PAIR_GAP) / columns), sizes), curve, curveHeight: heightOf(0.42 * curve) };
}

/** One class; its curve beside the picture, where there is room for both. @param {number} room @param {Mode} mode @param {Sizes} sizes @returns {Stage} */
function stageOfOne(room, mode, sizes) {
  const { rows, cols } = sizes;
  const wished = isWide(sizes) ? Math.min((TALLEST_WIDE * cols) / rows, room - GAP - LEAST_CURVE) : Math.floor((room - GAP) / 2);
  const columns = mode === "stack" || (isWide(sizes) && room < 900) ? 1 : 2;
  const { picture, cell } = pictureIn(columns === 1 ? room : wished, sizes);
  const curve = Math.min(columns === 1 ? room : room - Math.max(picture, 260) - GAP, LARGEST_CURVE);
  const beside = columns === 1 ? 0 : cell * rows - AROUND_CURVE;
  return { columns, curves: 1, picture, cell, curve, curveHeight: heightOf(Math.max(0.5 * curve, beside)) };
}

/** Whole pixels a patch. @param {number} room @param {Sizes} sizes */
function pictureIn(room, sizes) {
  const { rows, cols } = sizes;
  const cell = Math.max(2, Math.floor(isWide(sizes) ? Math.min(room / cols, TALLEST_WIDE / rows) : Math.min(room, LARGEST_PICTURE) / Math.max(rows, cols)));
  return { cell, picture: cell * cols };
}

/** @param {number} height */
const heightOf = (height) => Math.round(Math.min(CURVE_HEIGHTS[1] ?? height, Math.max(CURVE_HEIGHTS[0] ?? height, height)));

/** A tile for each head, and in a last column one for each block's sum. @param {number} width @param {number} height @param {Sizes} sizes */
function overviewOf(width, height, { rows, cols, nLayers, nHeads }) {
  const longer = Math.max(rows, cols);
  // Tiles that are lower than wide leave room for larger ones.
  const { side, ...rest } = overviewFor(width, (height * longer) / rows, { n: longer, nBefore: 0, rows, cols, nLayers, nHeads: nHeads + 1, thumbnail: longer });
  const tile = { width: Math.round((side * cols) / longer), height: Math.round((side * rows) / longer) };
  return { ...rest, tile };
}
