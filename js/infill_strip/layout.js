// The arithmetic of sizes: from the width at hand to the sizes of panels, large view and curves.
// All breakpoints are the widget's own width, never the window's.

/** @typedef {{ rows: number, cols: number }} Grid */
/** @typedef {{ cell: number, width: number, height: number }} Box  cell: side of a patch, px */

/**
 * @typedef {object} Strip  the panels of all states
 * @property {Box} panel
 * @property {number} perRow
 * @property {number} lines
 * @property {number} pitch  from one panel's left edge to the next's
 */

/**
 * @typedef {object} Layout
 * @property {"columns" | "side" | "stack"} mode
 * @property {boolean} oneHeader  title and read-out fit on one line
 * @property {number} left  width of the left column
 * @property {number} right  width of the strip and of the curves
 * @property {number} gap  between the columns
 * @property {Box} still  original and masked
 * @property {Box} large
 * @property {Strip} strip
 * @property {number[]} centres  of the states in the curves, px
 * @property {number} band  width of the mark of a state in the curves
 */

const PADDING = 16;
const GAP = 24;
const SMALLEST_UNIFORM = 140;
const SMALLEST = 98;
const LARGEST = 168;
const AXIS = 56;

/**
 * @param {number} width  of the widget, padding included
 * @param {Grid} grid
 * @param {number} nStates
 * @returns {Layout}
 */
export function layoutFor(width, grid, nStates) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const oneHeader = width >= 1000;
  if (width >= 880) {
    const uniform = uniformFor(content, grid, nStates);
    return { mode: "columns", oneHeader, ...(uniform ?? splitFor(content, grid, nStates)) };
  }
  const below = { left: content, right: content, gap: GAP, ...stripAndCentres(content, grid, nStates) };
  if (width >= 560) {
    const large = box(Math.min(420, content - GAP - SMALLEST_UNIFORM), grid);
    const still = box(Math.min(content - GAP - large.width, (large.height - 24) / 2), grid);
    return { mode: "side", oneHeader, ...below, large, still };
  }
  return { mode: "stack", oneHeader, ...below, large: box(Math.min(420, content), grid), still: box((content - 16) / 2, grid) };
}

/** A picture whose longer side fits, with whole pixels a patch. @param {number} side @param {Grid} grid @returns {Box} */
function box(side, { rows, cols }) {
  const cell = Math.max(1, Math.floor(side / Math.max(rows, cols)));
  return { cell, width: cell * cols, height: cell * rows };
}

/**
 * Original, masked and all states in one row of equal panels; null where they would be too small.
 * @param {number} content
 * @param {Grid} grid
 * @param {number} nStates
 */
function uniformFor(content, grid, nStates) {
  const count = nStates + 2;
  const panel = box(Math.min(224, (content - (count - 1) * 14) / count), grid);
  if (panel.width < SMALLEST_UNIFORM) return null;
  const gap = Math.floor((content - count * panel.width) / (count - 1));
  const left = 2 * panel.width + gap;
  const pitch = panel.width + gap;
  return {
    left,
    gap,
    right: content - left - gap,
    still: panel,
    large: box(left, grid),
    strip: { panel, perRow: nStates, lines: 1, pitch },
    centres: Array.from({ length: nStates }, (_, state) => state * pitch + panel.width / 2),
    band: panel.width,
  };
}

/**
 * A large view at the left, the states at the right in as many rows as they need.
 * @param {number} content
 * @param {Grid} grid
 * @param {number} nStates
 */
function splitFor(content, grid, nStates) {
  const left = content >= 1268 ? 392 : 336;
  const right = content - left - GAP;
  return { left, right, gap: GAP, still: box((left - 20) / 2, grid), large: box(left, grid), ...stripAndCentres(right, grid, nStates) };
}

/** @param {number} width @param {Grid} grid @param {number} nStates */
function stripAndCentres(width, grid, nStates) {
  const strip = stripFor(width, grid, nStates);
  if (strip.lines === 1 && strip.panel.width >= 84) {
    const centres = Array.from({ length: nStates }, (_, state) => state * strip.pitch + strip.panel.width / 2);
    return { strip, centres, band: strip.panel.width };
  }
  const pitch = (width - AXIS - 24) / Math.max(1, nStates - 1);
  const centres = Array.from({ length: nStates }, (_, state) => AXIS + state * pitch);
  return { strip, centres, band: Math.min(48, Math.max(12, pitch)) };
}

/**
 * The fewest rows whose panels are not too small; in these rows as many panels as keep them from
 * being large.
 * @param {number} width
 * @param {Grid} grid
 * @param {number} nStates
 * @returns {Strip}
 */
export function stripFor(width, grid, nStates) {
  const lengths = Array.from({ length: nStates }, (_, i) => nStates - i);
  const longest = lengths.find((perRow) => shortSide(panelFor(width, grid, perRow)) >= SMALLEST) ?? 1;
  const even = Math.ceil(nStates / Math.ceil(nStates / longest));
  let perRow = even;
  while (perRow < longest && longSide(panelFor(width, grid, perRow)) > LARGEST) perRow++;
  const panel = box(Math.min(LARGEST, longSide(panelFor(width, grid, perRow))), grid);
  const gap = perRow > 1 ? Math.min(GAP, Math.floor((width - perRow * panel.width) / (perRow - 1))) : 0;
  return { panel, perRow, lines: Math.ceil(nStates / perRow), pitch: panel.width + gap };
}

/** @param {Box} panel */
const longSide = ({ width, height }) => Math.max(width, height);
/** @param {Box} panel */
const shortSide = ({ width, height }) => Math.min(width, height);

/** The largest panel of which so many stand in a row. @param {number} width @param {Grid} grid @param {number} perRow @returns {Box} */
function panelFor(width, { rows, cols }, perRow) {
  const cell = Math.max(1, Math.floor((width - (perRow - 1) * 6) / perRow / cols));
  return { cell, width: cell * cols, height: cell * rows };
}
