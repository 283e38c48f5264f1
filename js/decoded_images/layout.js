// The arithmetic of sizes: from the widget's own width to the table, its cells and the large picture.

/** @typedef {"columns" | "stack" | "narrow"} Mode  beside the table; below it, in two columns; in one */

/**
 * @typedef {object} Layout
 * @property {Mode} mode
 * @property {number} table  px of the table's window
 * @property {number} total  px of the table itself: more, and it is moved under the window
 * @property {number} left  px before the first column
 * @property {{ width: number, height: number }} cell  of a picture
 * @property {number} gap
 * @property {number} pitch  from a column to the next
 * @property {boolean} hasNumbers  under the pictures of heads there is room for numbers
 * @property {{ columns: number, width: number, height: number, gap: number }} flow  of heads in another order
 * @property {number} large  px, the wide side of the large picture
 * @property {number} side  px of what stands beside it
 * @property {number} chart  px, the width of dots and scatter
 */

const PADDING = 16;
const SIDE = 392;
const BETWEEN = 28;
/** Between the large picture and the scatter, below the table. */
const APART = 40;
/** Narrower, the scatter stands below, px. */
const LEAST_CHART = 200;
const LEFT = 92;
/** From this width on the large picture stands beside the table. */
const WIDE = 1000;
/** A picture is never smaller, or larger, than this. */
const LEAST = 28;
const MOST = 112;
/** Where a picture is as wide, its numbers fit under it: "0.71 <0.001". */
const ROOM = 72;
const FLOW_COLUMNS = 7;
const LARGE = 280;

/**
 * @param {number} width  of the widget
 * @param {number} nStates
 * @param {[height: number, width: number]} size  of a picture
 * @returns {Layout}
 */
export function layoutFor(width, nStates, size) {
  const inside = width - 2 * PADDING;
  const beside = tableFor(inside - SIDE - BETWEEN, nStates, size);
  // Beside the large picture only where all of the table is seen.
  const isBeside = width >= WIDE && beside.total <= beside.table;
  const table = isBeside ? beside : tableFor(inside, nStates, size);
  const rest = inside - SIDE - APART;
  const mode = isBeside ? "columns" : rest >= LEAST_CHART ? "stack" : "narrow";
  const chart = mode === "stack" ? Math.min(rest, SIDE) : Math.min(SIDE, inside);
  return { mode, ...table, large: scaledLong(LARGE, size), side: SIDE - LARGE - 14, chart };
}

/** @param {number} table  px @param {number} nStates @param {[number, number]} size */
function tableFor(table, nStates, size) {
  const gap = nStates <= 10 ? 8 : nStates <= 18 ? 4 : 3;
  const fits = Math.floor((table - LEFT - gap * (nStates - 1)) / nStates);
  const cell = scaled(Math.min(MOST, Math.max(LEAST, fits)), size);
  const total = LEFT + nStates * (cell.width + gap) - gap;
  return { table, total, left: LEFT, cell, gap, pitch: cell.width + gap, hasNumbers: cell.width >= ROOM, flow: flowFor(table, cell, gap, size) };
}

/** @param {number} table @param {{ width: number, height: number }} cell @param {number} gap @param {[number, number]} size */
function flowFor(table, cell, gap, size) {
  const columns = cell.width >= ROOM ? FLOW_COLUMNS : Math.max(1, Math.floor((table + gap) / (Math.max(cell.width, 45) + gap)));
  const width = Math.min(MOST, Math.floor((table - (columns - 1) * gap) / columns));
  return { columns, gap, ...scaled(width, size) };
}

/** @param {number} width @param {[height: number, width: number]} size */
const scaled = (width, [h, w]) => ({ width, height: Math.round((width * h) / w) });

/** The width of a picture whose longer side is so long. @param {number} long @param {[number, number]} size */
const scaledLong = (long, [h, w]) => Math.round(h > w ? (long * w) / h : long);
