// Where the name of a class is written: once in each region that is large enough, where it is
// farthest inside.
import { neighbours, regionsIn } from "../lib/regions.js";

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box  in patches */

/** Patches from which on a region has a name. */
export const SMALLEST_NAMED = 24;

/**
 * Connected patches of one class, the largest first, each with its innermost patches.
 * @param {ArrayLike<number>} classes  [patch], −1 for none
 * @param {{ rows: number, cols: number }} grid
 * @returns {{ index: number, patches: number[], depth: Map<number, number> }[]}
 */
export function regionsOf(classes, { rows, cols }) {
  const found = regionsIn(rows, cols, (cell) => (classes[cell] ?? -1) < 0 ? null : (classes[cell] ?? null));
  found.sort((a, b) => b.cells.length - a.cells.length);
  return found.map(({ of, cells }) => ({ index: of, patches: cells, depth: depths(cells, rows, cols) }));
}

/** How many steps each patch is from outside the region. @param {number[]} patches @param {number} rows @param {number} cols */
function depths(patches, rows, cols) {
  const own = new Set(patches);
  /** @type {Map<number, number>} */
  const depth = new Map();
  // a patch at the picture's edge has fewer than four neighbours
  let ring = patches.filter((patch) => neighbours(patch, rows, cols).filter((next) => own.has(next)).length < 4);
  for (let step = 1; ring.length; step++) {
    for (const patch of ring) depth.set(patch, step);
    ring = [...new Set(ring.flatMap((patch) => neighbours(patch, rows, cols)))].filter((next) => own.has(next) && !depth.has(next));
  }
  return depth;
}

/**
 * Places for names: in each region large enough, as far inside as the name fits and covers nothing.
 * @param {ArrayLike<number>} classes
 * @param {{ rows: number, cols: number }} grid
 * @param {number} smallest  patches from which on a region is named
 * @param {(index: number) => { width: number, height: number }[]} sizes  of the name and of what is shorter, in patches
 * @param {Box[]} taken  what must not be covered
 * @returns {{ index: number, form: number, x: number, y: number }[]} middles, in patches
 */
export function placeNames(classes, grid, smallest, sizes, taken) {
  const boxes = [...taken];
  const placed = [];
  for (const { index, patches, depth } of regionsOf(classes, grid)) {
    if (patches.length < smallest) continue;
    const inner = [...patches].sort((a, b) => (depth.get(b) ?? 0) - (depth.get(a) ?? 0));
    const own = new Set(patches);
    const found = firstFit(inner, own, grid, sizes(index), boxes);
    if (!found) continue;
    boxes.push(found.box);
    placed.push({ index, form: found.form, x: found.x, y: found.y });
  }
  return placed;
}

/** @param {number[]} inner @param {Set<number>} own @param {{ rows: number, cols: number }} grid @param {{ width: number, height: number }[]} sizes @param {Box[]} taken */
function firstFit(inner, own, { rows, cols }, sizes, taken) {
  for (const [form, { width, height }] of sizes.entries()) {
    for (const patch of inner) {
      const [x, y] = [(patch % cols) + 0.5, Math.floor(patch / cols) + 0.5];
      const box = { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
      const fits = box.left >= 0 && box.top >= 0 && box.right <= cols && box.bottom <= rows;
      if (fits && isInside(box, own, cols) && !taken.some((other) => overlaps(box, other))) return { form, box, x, y };
    }
  }
  return null;
}

/** Whether all patches under a box are of the region, as far as their middles. @param {Box} box @param {Set<number>} own @param {number} cols */
function isInside({ left, right, top, bottom }, own, cols) {
  for (let row = Math.floor(top + 0.25); row < bottom - 0.25; row++) {
    for (let col = Math.floor(left + 0.25); col < right - 0.25; col++) if (!own.has(row * cols + col)) return false;
  }
  return true;
}

/** @param {Box} a @param {Box} b */
export const overlaps = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
