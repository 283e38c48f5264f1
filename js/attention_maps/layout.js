// The arithmetic of sizes: from the widget's own width to the sizes of overview, map and image.
import { GAP } from "./viewport.js";

/** @typedef {"columns" | "two" | "pair" | "stack"} Mode  "pair": overview and image side by side, the map under both */

/**
 * @typedef {object} Sizes  what is to be shown
 * @property {number} n  tokens
 * @property {number} nBefore  of them before the patches
 * @property {number} rows
 * @property {number} cols
 * @property {number} nLayers
 * @property {number} nHeads
 * @property {number} [thumbnail]  side of a thumbnail's own pixels; without, it has a pixel a token
 */

/**
 * @typedef {object} OverviewLayout  a column for each head, a row for each layer
 * @property {number} width
 * @property {number} side  of a thumbnail, px
 * @property {number} gap  between thumbnails
 * @property {number} below  px under a thumbnail, for its name
 * @property {number} left  px before the first column, for the rows' names
 * @property {number} top  px above the first row, for the columns' names
 */

/**
 * @typedef {object} Layout
 * @property {Mode} mode
 * @property {OverviewLayout} overview
 * @property {number} mapSide  of the map's window, px
 * @property {number} imageCell  side of a patch, px
 * @property {number} imageWidth
 * @property {number} imageHeight
 * @property {boolean} isTall  the thumbnails reach so far below the image beside them that there is room for more
 */

const PADDING = 16;
/** Room for the map's ticks: at its left and above it. */
export const TICKS = { left: 44, top: 26 };
const LEAST = { overview: 220, image: 288 };
const LARGEST_MAP = 640;
const LARGEST_IMAGE = 420;
const LARGEST_OVERVIEW = 520;
/** Height that an overview should not exceed where it stands beside a map. */
const TALLEST = 600;
/** A map that fills less than this of its room rather takes some of its neighbours'. */
const WELL_FILLED = 0.85;
/** A map whose cells are seen takes nothing where that leaves so much blank under thumbnails that could be so much larger. */
const MOST_BLANK = 200;
const MUCH_LARGER = 1.25;
/** An overview beside a map that would otherwise suffer has at least so much. */
const LEAST_BESIDE = 260;
/** A part of a map that is too large for the widget is well seen in so much of the largest window. */
const WELL_SEEN = 0.65;
/** From this width on overview and image stand side by side, if thumbnails stay this large. */
const LEAST_PAIR = 560;
const LEAST_THUMBNAIL = 14;
/** Most of what is said of one head finds room in so much, under an image. */
const ROOM_BELOW = 160;

/** @param {number} width  of the widget, padding included @param {Sizes} sizes @returns {Layout} */
export function layoutFor(width, sizes) {
  const content = Math.max(240, Math.floor(width) - 2 * PADDING);
  const three = width >= 1000 ? threeColumns(content, width >= 1300 ? 28 : 24, sizes) : null;
  const { mode, mapSide, overview, imageSide } = three === null || three.mapSide < cellsSeen(content, sizes) * sizes.n ? fewerColumns(width, content, sizes) : three;
  const imageCell = Math.max(2, Math.floor(imageSide / Math.max(sizes.rows, sizes.cols)));
  return {
    mode,
    overview,
    mapSide,
    imageCell,
    imageWidth: imageCell * sizes.cols,
    imageHeight: imageCell * sizes.rows,
    isTall: heightOf(overview, sizes) - imageCell * sizes.rows >= ROOM_BELOW,
  };
}

/** @param {OverviewLayout} overview @param {Sizes} sizes */
const heightOf = ({ top, side, gap, below }, { nLayers }) => top + nLayers * (side + (below || gap));

/** Pixels that a cell has at least where there is room for them: two; 0 where even one is too much. @param {number} content @param {Sizes} sizes */
const cellsSeen = (content, sizes) => Math.min(2, cellIn(Math.min(content - TICKS.left, LARGEST_MAP), sizes));

/** @typedef {{ mode: Mode, mapSide: number, imageSide: number, overview: OverviewLayout }} Columns */

/**
 * The overview takes what its thumbnails need of its share, the image its share, the map the rest;
 * and something of theirs, where its own rest would be poorly filled by whole cells.
 * @param {number} content
 * @param {number} gap
 * @param {Sizes} sizes
 * @returns {Columns}
 */
function threeColumns(content, gap, sizes) {
  const room = content - 2 * gap - TICKS.left;
  const share = Math.min(Math.round(0.288 * content), LARGEST_IMAGE);
  const rest = Math.min(room - share - overviewFor(share, TALLEST, sizes).width, LARGEST_MAP);
  const [map, larger] = [windowIn(rest, sizes), windowIn(rest + sizes.n, sizes)];
  const isSqueezed = map < WELL_FILLED * rest || map < sizes.n;
  const usual = columnsBeside(map, share, room, sizes);
  if (!isSqueezed || larger <= sizes.n || larger > room - LEAST.overview - LEAST.image) return usual;
  const taking = columnsBeside(larger, Math.min(share, Math.max(LEAST.image, Math.floor((room - larger) / 2))), room, sizes);
  const blank = larger - heightOf(taking.overview, sizes);
  const grow = usual.overview.side >= MUCH_LARGER * taking.overview.side;
  return map >= 2 * sizes.n && blank > MOST_BLANK && grow ? usual : taking;
}

/** @param {number} mapSide @param {number} imageSide @param {number} room @param {Sizes} sizes @returns {Columns} */
function columnsBeside(mapSide, imageSide, room, sizes) {
  const width = Math.min(room - mapSide - imageSide, LARGEST_OVERVIEW);
  return { mode: "columns", mapSide, imageSide, overview: overviewFor(width, Math.max(480, mapSide + 140), sizes) };
}

/**
 * Overview and map side by side where the map does not suffer; or overview and image, and the map
 * under both; otherwise all in one column.
 * @param {number} width
 * @param {number} content
 * @param {Sizes} sizes
 * @returns {Columns}
 */
function fewerColumns(width, content, sizes) {
  const beside = width >= 640 ? mapBeside(content, sizes) : null;
  if (beside !== null) {
    const overviewWidth = content - beside - 24 - TICKS.left;
    const overview = overviewFor(overviewWidth, TALLEST, sizes);
    return { mode: "two", mapSide: beside, imageSide: Math.min(overviewWidth, LARGEST_IMAGE), overview };
  }
  const stacked = Math.min(content - TICKS.left, LARGEST_MAP);
  const half = overviewFor(Math.floor((content - 24) / 2), TALLEST, sizes);
  if (content >= LEAST_PAIR && half.side >= LEAST_THUMBNAIL) {
    return { mode: "pair", mapSide: windowIn(stacked, sizes), imageSide: Math.min(content - 24 - half.width, LARGEST_IMAGE), overview: half };
  }
  const most = Math.min(stacked, Math.max(480, Math.max(1, cellsSeen(content, sizes)) * sizes.n + GAP));
  const overview = overviewFor(content, TALLEST, sizes);
  return { mode: "stack", mapSide: windowIn(most, sizes), imageSide: Math.min(content, LARGEST_IMAGE), overview };
}

/**
 * The window of a map beside its overview: whole cells, of two pixels where they can be had; null
 * where there is no room for them.
 * @param {number} content
 * @param {Sizes} sizes
 */
function mapBeside(content, sizes) {
  const room = content - 24 - TICKS.left;
  const usual = windowIn(room - Math.round(0.44 * content), sizes);
  const cell = cellsSeen(content, sizes);
  if (cell < 1) return usual >= WELL_SEEN * LARGEST_MAP ? usual : null;
  const least = windowIn(cell * sizes.n + GAP, sizes);
  return usual >= least ? usual : least <= room - LEAST_BESIDE ? least : null;
}

/** @param {number} room @param {Sizes} sizes */
const cellIn = (room, { n }) => Math.floor((room - GAP) / n);

/** The window's side: that of the whole map where its cells fit, otherwise all the room. @param {number} room @param {Sizes} sizes */
export function windowIn(room, sizes) {
  const cell = cellIn(room, sizes);
  const gap = sizes.nBefore > 0 ? GAP : 0;
  return cell >= 1 ? cell * sizes.n + gap : Math.floor(room);
}

/** From this side on a thumbnail carries its name and a number. */
const NAMED = 72;
const LARGEST_THUMBNAIL = 160;

/**
 * @param {number} width  at most
 * @param {number} height  that should not be exceeded
 * @param {Sizes} sizes
 * @returns {OverviewLayout}
 */
export function overviewFor(width, height, { n, nLayers, nHeads, thumbnail = n }) {
  const roomy = { gap: 10, below: 22, left: 0, top: TICKS.top };
  const tight = { gap: 3, below: 0, left: 40, top: TICKS.top };
  const side = (/** @type {typeof tight} */ style) => {
    const across = Math.floor((width - style.left - (nHeads - 1) * style.gap) / nHeads);
    const down = Math.floor((height - style.top) / nLayers - (style.below || style.gap));
    const largest = Math.max(4, Math.min(across, Math.max(down, 14), LARGEST_THUMBNAIL));
    // Larger than its map, it shows whole pixels.
    return largest >= thumbnail ? Math.floor(largest / thumbnail) * thumbnail : largest;
  };
  const style = side(roomy) >= NAMED ? roomy : tight;
  const used = style.left + nHeads * (side(style) + style.gap) - style.gap;
  return { width: Math.max(used, Math.min(width, LEAST.overview)), side: side(style), ...style };
}
