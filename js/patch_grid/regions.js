// Neighbouring patches with the same answer, as a map has countries: each is named once, where it is
// widest.
import { regionsIn } from "../lib/regions.js";

/**
 * @typedef {object} Region
 * @property {number} of  the class
 * @property {number} size  in patches
 * @property {number} row  where a name has the most room: the middle, in patches from the top
 * @property {number} col  from the left
 * @property {number} width  patches free around it in its row
 * @property {number} height  and in its column
 */

/**
 * The regions of a grid, the largest first.
 * @param {number} rows
 * @param {number} cols
 * @param {(cell: number) => number | null} classOf  null: no answer
 * @returns {Region[]}
 */
export function regionsOf(rows, cols, classOf) {
  return regionsIn(rows, cols, classOf)
    .map(({ of, cells }) => placed(of, cells, cols))
    .sort((a, b) => b.size - a.size);
}

/** The place of the name: in the middle of the run of cells that is widest where it is also high. @param {number} of @param {number[]} cells @param {number} cols @returns {Region} */
function placed(of, cells, cols) {
  const inside = new Set(cells);
  const free = (/** @type {number} */ cell, /** @type {number} */ step, /** @type {boolean} */ isRow) => {
    let count = 0;
    for (let next = cell + step; inside.has(next) && (!isRow || Math.floor(next / cols) === Math.floor(cell / cols)); next += step) count++;
    return count;
  };
  let best = { room: -1, row: 0, col: 0, width: 1, height: 1 };
  for (const cell of cells) {
    const [left, right, up, down] = [free(cell, -1, true), free(cell, 1, true), free(cell, -cols, false), free(cell, cols, false)];
    const [width, height] = [1 + 2 * Math.min(left, right), 1 + 2 * Math.min(up, down)];
    const room = Math.min(width, 3 * height) * height;
    if (room > best.room) best = { room, row: Math.floor(cell / cols) + 0.5, col: (cell % cols) + 0.5, width, height };
  }
  const { row, col, width, height } = best;
  return { of, size: cells.length, row, col, width, height };
}
