// The arithmetic of sizes: from the width at hand to the sizes of pictures and panels.
// All breakpoints are the widget's own width, never the window's.

/** @typedef {"wide" | "side" | "stack"} Size */
/** @typedef {{ rows: number, cols: number }} Grid */

/**
 * @typedef {object} Film
 * @property {number} cell  side of a panel's cell, px
 * @property {number} width  of a panel
 * @property {number} height
 * @property {number} perRow
 * @property {number} lines
 * @property {number} pitch
 * @property {number} left  of the first column
 */

/**
 * @typedef {object} Layout
 * @property {Size} size
 * @property {boolean} oneHeader  title and controls fit on one line
 * @property {number} cell  side of a patch in the large pictures, px
 * @property {number} column  width of a large picture's column
 * @property {{ width: number, height: number }} image  the untouched image
 * @property {Film} film
 */

const PADDING = 16;
const LEFT = 208;
const GAP = 32;
const TALLEST = 560;
const WIDEST = 560;
const NARROWEST = 300;
const GUTTER = 76;
const PANEL_GAP = 8;
const SMALLEST_PANEL = 52;
const LARGEST_PANEL = 120;

/**
 * @param {"look" | "teach"} mode
 * @param {number} width  of the widget, padding included
 * @param {Grid} grid
 * @param {number} nStates
 * @returns {Layout}
 */
export function layoutFor(mode, width, grid, nStates) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const size = width >= (mode === "look" ? 1000 : 1120) ? "wide" : width >= 620 ? "side" : "stack";
  const room = Math.min(mode === "look" ? lookRoom(size, content) : teachRoom(size, content), WIDEST);
  const cell = cellFor(room, grid);
  const side = mode === "look" ? (size === "wide" ? LEFT : 192) : size === "wide" ? 256 : size === "side" ? Math.min(256, content - 28 - Math.max(room, NARROWEST)) : 192;
  return {
    size,
    oneHeader: width >= 1120,
    cell,
    column: size === "stack" ? content : Math.max(cell * grid.cols, Math.min(room, NARROWEST)),
    image: fitted(side, grid),
    film: filmFor(content, nStates, grid),
  };
}

/** @param {Size} size @param {number} content */
function lookRoom(size, content) {
  if (size === "wide") return Math.floor((content - LEFT - 2 * GAP) / 2);
  return size === "side" ? Math.floor((content - 24) / 2) : Math.min(content, 448);
}

/** @param {Size} size @param {number} content */
function teachRoom(size, content) {
  if (size === "wide") return content - 256 - 2 * 36 - 392;
  return size === "side" ? content - 28 - 192 : Math.min(content, 448);
}

/** @param {number} room @param {Grid} grid */
const cellFor = (room, { rows, cols }) => Math.max(2, Math.min(Math.floor(room / cols), Math.floor(TALLEST / rows)));

/** A picture with the grid's proportions in a square. @param {number} side @param {Grid} grid */
export function fitted(side, { rows, cols }) {
  const scale = side / Math.max(rows, cols);
  return { width: Math.round(scale * cols), height: Math.round(scale * rows) };
}

/**
 * The fewest rows whose panels are not too small.
 * @param {number} content
 * @param {number} nStates
 * @param {Grid} grid
 * @returns {Film}
 */
export function filmFor(content, nStates, grid) {
  const left = content >= 840 ? GUTTER : 0;
  const candidates = Array.from({ length: nStates }, (_, i) => filmOf(i + 1, content, left, nStates, grid));
  const fits = candidates.filter(({ width, pitch }) => width <= pitch);
  return fits.find(({ width, height }) => Math.max(width, height) >= SMALLEST_PANEL) ?? fits.at(-1) ?? /** @type {Film} */ (candidates.at(-1));
}

/** @param {number} lines @param {number} content @param {number} left @param {number} nStates @param {Grid} grid @returns {Film} */
function filmOf(lines, content, left, nStates, { rows, cols }) {
  const perRow = Math.ceil(nStates / lines);
  const slot = Math.floor((content - left) / perRow);
  const largest = LARGEST_PANEL / Math.max(rows, cols);
  const cell = Math.max(1, Math.min(Math.floor((slot - PANEL_GAP) / cols), Math.floor(largest)));
  return { cell, width: cell * cols, height: cell * rows, perRow, lines, pitch: Math.min(slot, cell * cols + 64), left };
}
