// The arithmetic of sizes: from the widget's own width to pair, maps, film and list.
import { columnsFor } from "./columns.js";

/** @typedef {"wide" | "middle" | "narrow"} Mode */

/**
 * @typedef {object} Layout
 * @property {Mode} mode
 * @property {number} left  width of the large picture, px
 * @property {number} list  width of the list, px
 * @property {import("./columns.js").Columns} columns
 * @property {number} cell  side of a patch, px
 * @property {number} thumb  longest side of an image of the pair, px
 * @property {{ height: number, gap: number, hasNumbers: boolean, square: number }} row  of the map of parts
 */

const PADDING = 16;
const GAP = 28;
const MIDDLE_GAP = 24;
const LEFT = 322;
const WIDEST_LEFT = 392;
/** More heads than this are drawn without numbers. */
const MANY_HEADS = 8;

/** @typedef {{ rows: number, cols: number, nLayers: number, nHeads: number }} Sizes */

/** @param {number} width  of the widget, padding included @param {Sizes} sizes @returns {Layout} */
export function layoutFor(width, sizes) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const mode = width >= 1000 ? "wide" : width >= 680 ? "middle" : "narrow";
  const left = mode === "narrow" ? Math.min(content, WIDEST_LEFT) : width >= 1300 ? WIDEST_LEFT : LEFT;
  const columns = columnsFor(mode === "wide" ? content - left - GAP : content, sizes.nLayers);
  const longer = Math.max(sizes.rows, sizes.cols);
  return {
    mode,
    left,
    list: mode === "middle" ? content - left - MIDDLE_GAP : left,
    columns,
    cell: Math.max(2, Math.floor(left / longer)),
    thumb: sizes.nHeads >= MANY_HEADS && mode === "wide" ? 126 : 98,
    row: rowOf(columns.cell, sizes.nHeads),
  };
}

/** @param {number} cell  width of a cell @param {number} nHeads */
function rowOf(cell, nHeads) {
  if (nHeads < MANY_HEADS) return { height: 25, gap: 3, hasNumbers: cell >= 36, square: cell >= 72 ? 13 : cell >= 36 ? 6 : Math.floor(cell / 2) };
  const height = nHeads <= 12 ? 15 : 12;
  return { height, gap: 1, hasNumbers: false, square: Math.min(9, Math.floor(Math.min(cell, height) / 1.7)) };
}
