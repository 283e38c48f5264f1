// All heads at once: a map for each, by layer and head, and each layer's sum beside them.
import { element, fill, setAttributes } from "../lib/dom.js";
import { arrangeTiles, columnName, columnNames, headTile, listenToTiles, putThumbnail, rowNames } from "../lib/head_tiles.js";
import { rove } from "../lib/patch_cells.js";
import { whenChanged } from "../lib/changes.js";
import { opaque, pixelsOf } from "./shades.js";
import { percent } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("../lib/head_tiles.js").Tile} Tile */

/** A patch that is not in the sequence. */
const MISSING = 0xff808080;

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./scene.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function overview(meta, tokens, actions) {
  const columns = meta.n_heads + 1;
  const tiles = Array.from({ length: meta.n_layers * columns }, (_, index) => tileAt(Math.floor(index / columns), index % columns, meta));
  const order = tiles.map((_, index) => index);
  const scratch = element("canvas", "", { width: tokens.cols, height: tokens.rows });
  const names = element("div", "vl-heads-names", { "aria-hidden": "true" });
  const group = element("div", "vl-heads", { role: "group", "aria-label": "All heads, and each layer’s sum" }, names, ...tiles.map(({ node }) => node));
  listenToTiles(group, tiles, columns, (tile) => actions.choose(isSum(tile, meta) ? { layer: tile.layer, show: "layer" } : { layer: tile.layer, head: tile.head, show: "head" }));
  const drawings = [
    whenChanged(
      (/** @type {Scene} */ s) => [s.maps, s.heads, s.choices.scale, s.choices.norm, s.choices.shared, s.layout.overview, s.ratio, s.dark],
      (s) => tiles.forEach((tile) => paint(tile, s, scratch)),
    ),
    whenChanged((s) => [s.layout.overview], ({ layout: { overview: layout } }) => {
      arrangeTiles(group, tiles, order, columns, layout, layout.tile);
      const rows = layout.below ? [] : rowNames(meta.n_layers, layout, layout.tile, (row) => `L${row}`);
      const heads = layout.below ? [] : [...columnNames(meta.n_heads, layout, layout.tile), columnName("sum", meta.n_heads, layout, layout.tile)];
      fill(names, ...rows, ...heads);
    }),
    whenChanged((s) => [s.maps, s.heads], (s) => tiles.forEach((tile) => name(tile, s))),
    whenChanged((s) => [s.what], (s) => tiles.forEach((tile) => tile.node.setAttribute("aria-pressed", String(isShown(tile, s))))),
    whenChanged((s) => [s.choices.layer, s.choices.head, s.choices.show], ({ choices: { layer, head, show } }) => {
      const current = tiles[layer * columns + (show === "layer" ? meta.n_heads : head)];
      if (current) rove(group, current.node);
    }),
  ];
  return { node: group, update: (scene) => void (scene.maps.hasHeads && drawings.forEach((draw) => draw(scene))) };
}

/** @param {number} layer @param {number} column @param {import("./scene.js").Meta} meta */
const tileAt = (layer, column, meta) => headTile(layer, column, column === meta.n_heads ? `L${layer} sum` : undefined);

/** @param {Tile} tile @param {import("./scene.js").Meta} meta */
const isSum = ({ head }, { n_heads }) => head === n_heads;

/** @param {Tile} tile @param {import("./scene.js").Meta} meta @returns {import("./maps.js").What} */
const whatOf = (tile, meta) => ({ show: isSum(tile, meta) ? "layer" : "head", layer: tile.layer, head: isSum(tile, meta) ? 0 : tile.head });

/** @param {Tile} tile @param {Scene} scene */
function isShown(tile, { what, meta }) {
  if (what.show === "all" || what.layer !== tile.layer) return false;
  return what.show === "layer" ? isSum(tile, meta) : what.head === tile.head;
}

/** @param {Tile} tile @param {Scene} scene @param {HTMLCanvasElement} scratch */
function paint(tile, scene, scratch) {
  const size = scene.layout.overview.tile;
  Object.assign(tile.canvas.style, { width: `${size.width}px`, height: `${size.height}px` });
  const what = whatOf(tile, scene.meta);
  const [values, scale] = [scene.maps.values(scene.heads, what), scene.scaleOf(scene.heads, what)];
  const pixels = pixelsOf(scene.tokens, (position) => opaque(scale, values[position] ?? NaN, scene.dark), MISSING);
  putThumbnail(tile.canvas, pixels, size, scene.ratio, scratch);
}

/** @param {Tile} tile @param {Scene} scene */
function name(tile, { maps, heads, meta }) {
  const { node, number, layer, head } = tile;
  const share = isSum(tile, meta) ? NaN : maps.share(heads, layer, head);
  number.textContent = isSum(tile, meta) ? "" : percent(share);
  const words = isSum(tile, meta) ? `Layer ${layer}, sum of its heads` : `Layer ${layer}, head ${head}, ${percent(share)} of all heads’ relevance`;
  setAttributes(node, { "aria-label": words, title: words });
}
