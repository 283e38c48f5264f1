// The arithmetic of sizes: from the widget's own width to its columns and pictures.

/** @typedef {"columns" | "stack" | "narrow"} Mode  two columns; one, with table and scatter side by side; one */

/**
 * @typedef {object} Layout
 * @property {Mode} mode
 * @property {string} below  how many stand side by side there: "four", "two" or "one"
 * @property {number} left  px of the table
 * @property {number} plot  px of the scatter
 * @property {number} list  px of the list
 * @property {number} right  px of the chosen feature
 * @property {number} patch  px of a patch of the strongest images
 * @property {number} columns  of those images
 * @property {number} gap
 * @property {number} crop  px of a patch from a tenth
 * @property {number} cell  px of a patch of the own image
 * @property {number} curve  px of the curve of strengths
 */

const PADDING = 16;
const LEFT = 376;
const BETWEEN = 28;
const WIDE = 1000;
/** Narrower, the scatter stands below the table. */
const LEAST_PLOT = 220;
const COLUMNS = 6;
const N_TENTHS = 10;
const CROP_GAP = 8;
const MOST_CROP = 64;
const OWN = 252;
const LEAST_CURVE = 220;

/** @param {number} width  of the widget @param {{ rows: number, cols: number, has_classes?: boolean }} grid @returns {Layout} */
export function layoutFor(width, grid) {
  const inside = width - 2 * PADDING;
  const isWide = width >= WIDE;
  const right = isWide ? inside - LEFT - BETWEEN : inside;
  const besideTable = inside - LEFT - BETWEEN;
  const mode = isWide ? "columns" : besideTable >= LEAST_PLOT ? "stack" : "narrow";
  const plot = isWide ? LEFT : grid.has_classes === false ? inside : besideTable;
  const columns = right < 460 ? 3 : COLUMNS;
  const gap = 8;
  const long = Math.max(grid.rows, grid.cols);
  const room = (right - (columns - 1) * gap) / columns;
  const patch = Math.max(1, Math.floor(room / long));
  const across = Math.min(OWN, inside);
  const beside = inside - 3 * OWN - 3 * BETWEEN;
  const below = beside >= LEAST_CURVE ? "four" : inside - OWN - BETWEEN >= LEAST_CURVE ? "two" : "one";
  const rest = { four: beside, two: inside - OWN - BETWEEN, one: inside }[below];
  return {
    mode,
    below,
    left: Math.min(LEFT, inside),
    plot: mode === "narrow" ? inside : plot,
    list: isWide ? LEFT : inside,
    right,
    patch,
    columns,
    gap: columns > 1 ? Math.floor((right - columns * patch * long) / (columns - 1)) : 0,
    crop: Math.max(24, Math.min(MOST_CROP, Math.floor((right - (N_TENTHS - 1) * CROP_GAP) / N_TENTHS))),
    cell: Math.max(2, Math.floor(across / long)),
    curve: Math.max(LEAST_CURVE, Math.min(rest, 420)),
  };
}
