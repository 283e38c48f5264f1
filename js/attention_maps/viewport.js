// The arithmetic of zooming: which cell of a map stands where in a window of a given side. Prefix
// tokens keep their place at the left and top; the patches move under the window.

/** Between the prefix tokens' rows and columns and those of the patches, px. */
export const GAP = 2;

/** Cell sizes that zooming steps through, px. */
const LEVELS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/**
 * @typedef {object} Sheet  what is looked at
 * @property {number} n  tokens
 * @property {number} nBefore  prefix tokens
 * @property {number} side  of the window, px
 */

/**
 * @typedef {object} View
 * @property {number} cell  side of a cell, px
 * @property {number} x  px by which the patches have moved to the left
 * @property {number} y  px by which they have moved up
 */

/** @param {Sheet} sheet */
export const gapOf = ({ nBefore, n }) => (nBefore > 0 && nBefore < n ? GAP : 0);

/** The largest whole cell at which all is seen; a fraction where not even 1 px fits. @param {Sheet} sheet */
export function fittingCell(sheet) {
  const cell = (sheet.side - gapOf(sheet)) / sheet.n;
  return cell >= 1 ? Math.floor(cell) : cell;
}

/** @param {Sheet} sheet @returns {View} */
export const wholeView = (sheet) => ({ cell: fittingCell(sheet), x: 0, y: 0 });

/** The cell size one step nearer (+1) or farther (-1). @param {Sheet} sheet @param {number} cell @param {1 | -1} step */
export function nextCell(sheet, cell, step) {
  const fit = fittingCell(sheet);
  const levels = [fit, ...LEVELS.filter((level) => level > fit)];
  const found = step > 0 ? levels.find((level) => level > cell) : levels.findLast((level) => level < cell);
  return found ?? cell;
}

/** Where the patches begin, px. @param {Sheet} sheet @param {number} cell */
export const patchesAt = (sheet, cell) => sheet.nBefore * cell + gapOf(sheet);

/** How far the patches can be moved, px. @param {Sheet} sheet @param {number} cell */
const mostMoved = (sheet, cell) => Math.max(0, (sheet.n - sheet.nBefore) * cell - (sheet.side - patchesAt(sheet, cell)));

/** @param {Sheet} sheet @param {View} view @returns {View} */
export function clamped(sheet, { cell, x, y }) {
  const most = mostMoved(sheet, cell);
  const inside = (/** @type {number} */ at) => Math.round(Math.min(most, Math.max(0, at)));
  return { cell, x: inside(x), y: inside(y) };
}

/**
 * The position under a pixel, along one axis; null beyond the last.
 * @param {Sheet} sheet
 * @param {number} cell
 * @param {number} moved  px by which the patches have moved along this axis
 * @param {number} px
 */
export function positionAt(sheet, cell, moved, px) {
  const start = patchesAt(sheet, cell);
  const position = px < start ? Math.min(sheet.nBefore - 1, Math.floor(px / cell)) : sheet.nBefore + Math.floor((px - start + moved) / cell);
  return position >= 0 && position < sheet.n ? position : null;
}

/**
 * Where a position begins, px; patches may lie outside of the window.
 * @param {Sheet} sheet
 * @param {number} cell
 * @param {number} moved
 * @param {number} position
 */
export function pixelOf(sheet, cell, moved, position) {
  if (position < sheet.nBefore) return position * cell;
  return patchesAt(sheet, cell) + (position - sheet.nBefore) * cell - moved;
}

/**
 * Another cell size; what lies under a point of the window stays there.
 * @param {Sheet} sheet
 * @param {View} view
 * @param {number} cell
 * @param {{ x: number, y: number }} point  px in the window
 * @returns {View}
 */
export function zoomed(sheet, view, cell, point) {
  const along = (/** @type {number} */ moved, /** @type {number} */ px) => {
    const inPatches = Math.max(0, px - patchesAt(sheet, view.cell));
    return ((inPatches + moved) / view.cell) * cell - Math.max(0, px - patchesAt(sheet, cell));
  };
  return clamped(sheet, { cell, x: along(view.x, point.x), y: along(view.y, point.y) });
}

/**
 * Moves as little as possible so that a cell is seen.
 * @param {Sheet} sheet
 * @param {View} view
 * @param {number} query
 * @param {number} key
 * @returns {View}
 */
export function revealing(sheet, view, query, key) {
  const along = (/** @type {number} */ moved, /** @type {number} */ position) => {
    if (position < sheet.nBefore) return moved;
    const start = (position - sheet.nBefore) * view.cell;
    const room = sheet.side - patchesAt(sheet, view.cell);
    return Math.min(start, Math.max(moved, start + view.cell - room));
  };
  return clamped(sheet, { cell: view.cell, x: along(view.x, key), y: along(view.y, query) });
}
