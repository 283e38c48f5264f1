// Strokes over a grid of patches.

/** @typedef {{ row: number, col: number }} Place */

/**
 * The patches on the straight line between two, the first left out: a quick pointer skips some.
 * @param {Place} from
 * @param {Place} to
 * @returns {Place[]}
 */
export function between(from, to) {
  const steps = Math.max(Math.abs(to.row - from.row), Math.abs(to.col - from.col));
  return Array.from({ length: steps }, (_, i) => ({
    row: Math.round(from.row + ((to.row - from.row) * (i + 1)) / steps),
    col: Math.round(from.col + ((to.col - from.col) * (i + 1)) / steps),
  }));
}

/**
 * The patch under a pointer; beyond the edge, the nearest.
 * @param {{ left: number, top: number, width: number, height: number }} box  of the grid
 * @param {{ rows: number, cols: number }} grid
 * @param {{ clientX: number, clientY: number }} pointer
 * @returns {Place}
 */
export function placeUnder({ left, top, width, height }, { rows, cols }, { clientX, clientY }) {
  /** @param {number} share @param {number} count */
  const inside = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  return { row: inside((clientY - top) / height, rows), col: inside((clientX - left) / width, cols) };
}
