// The arithmetic of sizes: from the width at hand to the pictures, the heads with their map, and the
// axis of states that all rows share. All breakpoints are the widget's own width.
import { overviewFor, TICKS, windowIn } from "../attention_maps/layout.js";

/** @typedef {{ rows: number, cols: number }} Grid */
/** @typedef {{ cell: number, width: number, height: number }} Box  cell: side of a patch, px */

/**
 * @typedef {object} Axis  the columns of states
 * @property {number} nStates
 * @property {number} width  of all columns
 * @property {number} pitch  from one column's left edge to the next's
 * @property {number} column  width of a column
 */

/**
 * @typedef {object} Layout
 * @property {"columns" | "two" | "stack"} mode
 * @property {boolean} oneHeader  title and controls fit on one line
 * @property {Box} picture
 * @property {number} column  width of what stands over and under a picture
 * @property {boolean} wide  pictures far wider than high stand over one another
 * @property {boolean} narrow  there, titles are brief and words stand over their scale
 * @property {import("../attention_maps/layout.js").Layout} attention
 * @property {number} left  width of the rows' heads, beside the columns; 0 where they stand above
 * @property {number} right  width of the columns of states
 */

const PADDING = 16;
const GAP = 28;
const LARGEST_PICTURE = 392;
const LARGEST_MAP = 420;
const LARGEST_PANEL = 168;
const LEFT = 300;
/** From so many times as wide as high on, a picture has the room of two. */
const WIDE = 2;
/** The frame of the current state stands out by so much. */
const FRAME = 4;
/** Titles, chips and legends need so much, also where the picture is narrower. */
const LEAST_COLUMN = 324;
const ROOMY_COLUMN = 390;
/** Beside the rows' heads, a column of states is at least so wide; else they stand above. */
const LEAST_PITCH = 60;

/** @param {number} width  of the widget, padding included @param {import("../attention_maps/layout.js").Sizes} sizes @returns {Layout} */
export function layoutFor(width, sizes) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const mode = width >= 1180 ? "columns" : width >= 640 ? "two" : "stack";
  const wide = sizes.cols >= WIDE * sizes.rows;
  const side = wide ? (mode === "columns" ? 0.56 * content : content) : { columns: 0.288 * content, two: (content - GAP) / 2, stack: content }[mode];
  const picture = boxOf(wide ? Math.min(side, (LARGEST_PICTURE / sizes.rows) * sizes.cols) : Math.min(side, mode === "columns" ? LARGEST_PICTURE : 420), sizes);
  const column = Math.max(picture.width, Math.min(side, LEAST_COLUMN));
  const room = mode === "columns" ? content - (wide ? 1 : 2) * (column + GAP) : content;
  const isBeside = mode === "columns" && (content - LEFT - GAP) / (sizes.nLayers + 1) >= LEAST_PITCH;
  const left = isBeside ? LEFT : 0;
  return {
    mode,
    oneHeader: width >= 1000,
    picture,
    column: Math.floor(column),
    wide,
    narrow: column < ROOMY_COLUMN,
    attention: { mode: mode === "columns" ? "columns" : "two", ...headsAndMap(room, mode, sizes), ...ofImage(picture) },
    left,
    right: content - (left ? left + GAP : 0),
  };
}

/** A picture whose longer side fits, with whole pixels a patch. @param {number} side @param {Grid} grid @returns {Box} */
export function boxOf(side, { rows, cols }) {
  const cell = Math.max(1, Math.floor(side / Math.max(rows, cols)));
  return { cell, width: cell * cols, height: cell * rows };
}

/** @param {Box} picture */
const ofImage = ({ cell, width, height }) => ({ imageCell: cell, imageWidth: width, imageHeight: height, isTall: false });

/**
 * The thumbnails take what they need of their share, the map the rest.
 * @param {number} room
 * @param {Layout["mode"]} mode
 * @param {import("../attention_maps/layout.js").Sizes} sizes
 */
function headsAndMap(room, mode, sizes) {
  if (mode === "stack") {
    return { overview: overviewFor(room, 600, sizes), mapSide: windowIn(Math.min(room - TICKS.left, LARGEST_MAP), sizes) };
  }
  const needed = 40 + 17 * sizes.nHeads;
  const share = Math.min(Math.max(needed, Math.round(0.36 * room)), Math.max(148, room - TICKS.left - 20 - 200));
  const overview = overviewFor(share, mode === "columns" ? 420 : 480, sizes);
  const mapRoom = Math.min(room - overview.width - TICKS.left - 20, LARGEST_MAP);
  return { overview, mapSide: windowIn(mapRoom, sizes) };
}

/**
 * One column for each state, all on one line whatever their number.
 * @param {number} width
 * @param {number} nStates
 * @returns {Axis}
 */
export function axisFor(width, nStates) {
  const roomy = width / nStates;
  const gap = roomy > 120 ? 16 : roomy > 56 ? 8 : 3;
  const pitch = Math.min((width - FRAME + gap) / nStates, LARGEST_PANEL + 32);
  return { nStates, width, pitch, column: Math.floor(pitch - gap) };
}

/** Cells of a panel below this many px need not be whole pixels. */
const WHOLE_CELL = 8;

/** A state's panel, in the middle of its column. @param {Axis} axis @param {Grid} grid @returns {Box} */
export function panelFor({ column }, grid) {
  const [side, longer] = [Math.min(column, LARGEST_PANEL), Math.max(grid.rows, grid.cols)];
  if (side / longer >= WHOLE_CELL) return boxOf(side, grid);
  const cell = side / longer;
  return { cell, width: Math.round(cell * grid.cols), height: Math.round(cell * grid.rows) };
}

/** Where a column begins. @param {Axis} axis @param {number} state */
export const columnAt = ({ pitch }, state) => Math.round(state * pitch);

/** Where a column's middle is. @param {Axis} axis @param {number} state */
export const centreAt = (axis, state) => columnAt(axis, state) + axis.column / 2;
