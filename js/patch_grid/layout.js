// The arithmetic of sizes: from the width at hand to the sizes of picture, panels and table.
// All breakpoints are the widget's own width, never the window's.

/** @typedef {"columns" | "side" | "stack"} Mode */
/** @typedef {{ rows: number, cols: number }} Grid */

/**
 * @typedef {object} Strip  the filmstrip
 * @property {number} cell  side of a panel's cell, px; whole where it is 8 or more
 * @property {number} panelWidth
 * @property {number} panelHeight
 * @property {number} perRow  panels in a row
 * @property {number} lines  rows of panels
 * @property {number} pitch  from one panel's left edge to the next's
 * @property {number} left  of the first panel
 * @property {{ width: number, height: number } | null} image  the original image, if it stands here
 */

/**
 * @typedef {object} Layout
 * @property {Mode} mode
 * @property {boolean} oneHeader  title and controls fit on one line
 * @property {boolean} roomy  controls may be wider
 * @property {number} cell  side of a patch, px
 * @property {number} pictureWidth
 * @property {number} pictureHeight
 * @property {number} leftWidth  of the picture's column
 * @property {number} rightWidth  of that of the states
 * @property {Strip} strip
 * @property {boolean} classesLeft  the right column is far the longer: the classes go to the left one
 * @property {number} answers  columns of answers in the table
 * @property {{ centres: number[], left: number }} [axis]  where states stand, where others give them their place
 */

const PADDING = 16;
const COLUMN_GAP = 24;
const IMAGE_GAP = 20;
const SIDE_LIST = 200;
const LARGEST_PANEL = 168;
/** Side of the smallest panel in which a picture is still read, if the panel were square, px. */
const READABLE_PANEL = 64;
/** Where this cannot be had. */
const SMALLEST_PANEL = 36;
const MOST_LINES = 16;
const LONG_TABLE = 13;
/** From so many classes on their names are long. */
const MANY_CLASSES = 99;
/** From this width on title and controls stand on one line, and none of them is cut. */
const ONE_HEADER = 1180;
/** Cells below this many px need not be whole pixels: the room they would leave is worth more. */
const WHOLE_CELL = 8;
/** A grid that is so many times as wide as high has the whole width, and what is beside it a list. */
const WIDE = 2;
const WIDE_SIDE_LIST = 280;
const TALLEST_WIDE = 420;

/**
 * @param {number} width  of the widget, padding included
 * @param {Grid} grid
 * @param {number} nStates
 * @param {number} nAnswers
 * @param {number} nClasses
 * @param {boolean} severalLenses  their films and curves stand over the answers
 * @returns {Layout}
 */
export function layoutFor(width, grid, nStates, nAnswers, nClasses = 0, severalLenses = false) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const mode = isWide(grid) ? (width < 1000 ? "stack" : "side") : width >= 880 ? "columns" : width >= 560 ? "side" : "stack";
  const cell = isWide(grid) ? wideCell(content, grid, mode) : patchCell(pictureSide(width, content, mode), grid);
  const pictureWidth = cell * grid.cols;
  const leftWidth = mode === "stack" ? content : Math.max(pictureWidth, 336);
  const rightWidth = mode === "columns" ? content - leftWidth - COLUMN_GAP : content;
  const strip = stripFor(rightWidth, nStates, grid, mode !== "side");
  return {
    mode,
    oneHeader: width >= ONE_HEADER,
    roomy: width >= 1300,
    cell,
    pictureWidth,
    pictureHeight: cell * grid.rows,
    leftWidth,
    rightWidth,
    strip,
    classesLeft: mode === "columns" && (severalLenses || strip.lines > 1 || nStates > LONG_TABLE),
    answers: Math.max(1, Math.min(4, nAnswers, Math.floor((rightWidth - 54 - 116) / (nClasses > MANY_CLASSES ? 168 : 104)))),
  };
}

/** @param {number} width @param {number} content @param {Mode} mode */
function pictureSide(width, content, mode) {
  if (mode === "stack") return Math.min(content, 420);
  if (mode === "side") return Math.min(content - COLUMN_GAP - SIDE_LIST, 420);
  return width >= 1300 ? 520 : width >= 1000 ? 410 : 336;
}

/** @param {Grid} grid */
const isWide = ({ rows, cols }) => cols >= WIDE * rows;

/** @param {number} content @param {Grid} grid @param {Mode} mode */
function wideCell(content, { rows, cols }, mode) {
  const beside = mode === "stack" ? 0 : COLUMN_GAP + WIDE_SIDE_LIST;
  return Math.max(4, Math.floor(Math.min((content - beside) / cols, TALLEST_WIDE / rows)));
}

/** @param {number} side @param {Grid} grid */
const patchCell = (side, { rows, cols }) => Math.max(4, Math.floor(side / Math.max(rows, cols)));

/** Where a full row of panels ends. @param {Strip} strip */
const endOf = ({ left, perRow, pitch, panelWidth }) => left + (perRow - 1) * pitch + panelWidth;

/**
 * Side of the smallest cell that shows an emoji, CSS pixels. On a small grid they are told apart
 * down to 10 px, when they fill the cell; hundreds of them so small would be noise, and so would a
 * thousand larger ones.
 * @param {Grid} grid
 */
export const emojiCell = ({ rows, cols }) => (rows * cols <= 100 ? 10 : rows * cols <= 400 ? 14 : 22);

/**
 * One row of panels, or two, if these show emoji; otherwise the fewest rows whose panels are
 * readable, or else not too small.
 * @param {number} width
 * @param {number} nStates
 * @param {Grid} grid
 * @param {boolean} withImage
 * @returns {Strip}
 */
export function stripFor(width, nStates, grid, withImage) {
  const candidates = Array.from({ length: Math.min(nStates, MOST_LINES) }, (_, i) =>
    stripOf(i + 1, width, nStates, grid, withImage),
  );
  const fits = candidates.filter((strip) => endOf(strip) <= width);
  const withEmoji = fits.find(({ lines, cell }) => lines <= 2 && cell >= emojiCell(grid));
  const large = (/** @type {number} */ side) => fits.find(({ panelWidth, panelHeight }) => panelWidth * panelHeight >= side ** 2);
  return withEmoji ?? large(READABLE_PANEL) ?? large(SMALLEST_PANEL) ?? fits.at(-1) ?? /** @type {Strip} */ (candidates.at(-1));
}

/**
 * @param {number} lines
 * @param {number} width
 * @param {number} nStates
 * @param {Grid} grid
 * @param {boolean} withImage  the image takes the room of one panel, of one and a half when there are more rows
 * @returns {Strip}
 */
function stripOf(lines, width, nStates, { rows, cols }, withImage) {
  const perRow = Math.ceil(nStates / lines);
  const imagePanels = withImage ? (lines > 1 ? 1.5 : 1) : 0;
  const leastGap = perRow > 9 ? 2 : perRow > 5 ? 3 : 6;
  const forPanels = width - (withImage ? IMAGE_GAP : 0) - (perRow - 1) * leastGap;
  const slot = forPanels / (perRow + imagePanels);
  const most = Math.max(1, Math.min(slot / cols, LARGEST_PANEL / rows));
  const panelWidth = most < WHOLE_CELL ? Math.floor(most * cols) : Math.floor(most) * cols;
  const cell = panelWidth / cols;
  const panelHeight = Math.round(cell * rows);
  const image = { width: Math.round(imagePanels * panelWidth), height: Math.round(imagePanels * panelHeight) };
  const left = withImage ? image.width + IMAGE_GAP : 0;
  const gap = perRow > 1 ? (width - left - perRow * panelWidth) / (perRow - 1) : 0;
  return {
    cell,
    panelWidth,
    panelHeight,
    perRow,
    lines,
    pitch: panelWidth + Math.min(24, Math.max(leastGap, Math.floor(gap * 2) / 2)),
    left,
    image: withImage ? image : null,
  };
}
