// A small picture for each head, by block and head: their places, their names, and what pointer and
// keys do there.
import { element } from "./dom.js";
import { moved } from "./grid_keys.js";

/**
 * @typedef {object} TileLayout  a column for each head, a row for each layer
 * @property {number} gap  between pictures, px
 * @property {number} below  px under a picture, for its name
 * @property {number} left  px before the first column, for the rows' names
 * @property {number} top  px above the first row, for the columns' names
 */

/** @typedef {{ width: number, height: number }} Size  of a picture, px */

/**
 * @param {number} layer
 * @param {number} head
 * @param {string} name  that stands under the picture where there is room
 */
export function headTile(layer, head, name = `L${layer} H${head}`) {
  const canvas = element("canvas", "vl-canvas");
  const number = element("span", "vl-head-number");
  const label = element("span", "vl-head-label", {}, element("span", "vl-head-name", {}, name), number);
  const attributes = { type: "button", tabindex: -1, "data-layer": layer, "data-head": head };
  return { node: element("button", "vl-head-tile", attributes, canvas, label), canvas, label, number, layer, head };
}

/** @typedef {ReturnType<typeof headTile>} Tile */

/**
 * Puts pixels on a tile: as they are where each becomes a whole number of pixels, else averaged.
 * @param {HTMLCanvasElement} canvas
 * @param {ImageData} pixels
 * @param {Size} size
 * @param {number} ratio  device pixels per CSS pixel
 * @param {HTMLCanvasElement} scratch  as large as the pixels
 */
export function putThumbnail(canvas, pixels, { width, height }, ratio, scratch) {
  const whole = width % pixels.width === 0 && height % pixels.height === 0;
  canvas.width = whole ? pixels.width : Math.round(width * ratio);
  canvas.height = whole ? pixels.height : Math.round(height * ratio);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (whole) return context.putImageData(pixels, 0, 0);
  /** @type {CanvasRenderingContext2D} */ (scratch.getContext("2d")).putImageData(pixels, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(scratch, 0, 0, canvas.width, canvas.height);
}

/**
 * Puts every tile in its place, and gives the group its size.
 * @param {HTMLElement} group
 * @param {Tile[]} tiles
 * @param {number[]} order  of the tiles
 * @param {number} columns
 * @param {TileLayout} layout
 * @param {Size} size
 */
export function arrangeTiles(group, tiles, order, columns, layout, size) {
  const { gap, below, left, top } = layout;
  const { across, down } = pitchOf(layout, size);
  order.forEach((index, place) => {
    const one = /** @type {Tile} */ (tiles[index]);
    const [x, y] = [left + (place % columns) * across, top + Math.floor(place / columns) * down];
    one.node.style.transform = `translate(${x}px, ${y}px)`;
    one.node.style.width = `${size.width}px`;
    one.label.hidden = below === 0;
    one.node.dataset["place"] = String(place);
  });
  const rows = Math.ceil(tiles.length / columns);
  group.style.width = `${left + columns * across - gap}px`;
  group.style.height = `${top + rows * down - (below ? 0 : gap)}px`;
}

/** From one tile to the next, px. @param {TileLayout} layout @param {Size} size */
const pitchOf = ({ gap, below }, { width, height }) => ({ across: width + gap, down: height + (below || gap) });

/** @param {number} rows @param {TileLayout} layout @param {Size} size @param {(row: number) => string} nameOf */
export function rowNames(rows, layout, size, nameOf) {
  const { down } = pitchOf(layout, size);
  return everyNth(rows, Math.ceil(13 / down)).map((row) => {
    const node = element("span", "vl-heads-row", {}, nameOf(row));
    node.style.top = `${layout.top + row * down + size.height / 2 - 7}px`;
    return node;
  });
}

/** @param {number} columns @param {TileLayout} layout @param {Size} size */
export function columnNames(columns, layout, size) {
  const { across } = pitchOf(layout, size);
  return everyNth(columns, Math.ceil((columns > 10 ? 29 : 24) / across)).map((head) => columnName(`H${head}`, head, layout, size));
}

/** @param {string} text @param {number} column @param {TileLayout} layout @param {Size} size */
export function columnName(text, column, layout, size) {
  const node = element("span", "vl-heads-column", {}, text);
  node.style.left = `${layout.left + column * pitchOf(layout, size).across + size.width / 2}px`;
  return node;
}

/** @param {number} count @param {number} n */
const everyNth = (count, n) => Array.from({ length: count }, (_, i) => i).filter((i) => i % Math.max(1, n) === 0);

/**
 * Clicks and keys: arrows go to the neighbour and choose it.
 * @param {HTMLElement} group
 * @param {Tile[]} tiles
 * @param {number} columns
 * @param {(tile: Tile) => void} choose
 */
export function listenToTiles(group, tiles, columns, choose) {
  /** @param {EventTarget | null} target */
  const tileAt = (target) => tiles.find(({ node }) => target instanceof Node && node.contains(target));
  group.addEventListener("click", (event) => {
    const chosen = tileAt(event.target);
    if (chosen) choose(chosen);
  });
  group.addEventListener("keydown", (event) => {
    const from = tileAt(event.target);
    if (!from) return;
    const place = Number(from.node.dataset["place"]);
    const grid = { rows: Math.ceil(tiles.length / columns), cols: columns };
    const to = moved(event.key, event.ctrlKey || event.metaKey, { row: Math.floor(place / columns), col: place % columns }, grid);
    if (!to) return;
    const wanted = String(Math.min(tiles.length - 1, to.row * columns + to.col));
    const found = tiles.find(({ node }) => node.dataset["place"] === wanted);
    event.preventDefault();
    event.stopPropagation();
    found?.node.focus();
    if (found) choose(found);
  });
}
