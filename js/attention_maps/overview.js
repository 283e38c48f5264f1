// All heads at once: a thumbnail for each, by layer and head or sorted by a statistic.
import { colorAt, cividis, viridis } from "../lib/colormaps.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { arrangeTiles, columnNames, headTile, listenToTiles, putThumbnail, rowNames } from "../lib/head_tiles.js";
import { rove } from "../lib/patch_cells.js";
import { whenChanged } from "../lib/changes.js";
import { palette, pixelsOf, scaleOf } from "./shades.js";
import { isShown, measure, shortUnit } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Statistic} Statistic */

/** Up to so many thumbnails move to their new places; more are cut. */
const MOST_MOVING = 48;

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function overview(meta, actions) {
  const count = meta.n_layers * meta.n_heads;
  const tiles = Array.from({ length: count }, (_, index) => headTile(Math.floor(index / meta.n_heads), index % meta.n_heads));
  const scratch = element("canvas", "", { width: meta.side, height: meta.side });
  const names = element("div", "vl-heads-names", { "aria-hidden": "true" });
  const group = element("div", "vl-heads", { role: "group", "aria-label": "All heads" }, names, ...tiles.map(({ node }) => node));
  /** @type {number[] | null} */
  let order = null; // heads move when they are sorted, not into their first places nor with the width
  listenToTiles(group, tiles, meta.n_heads, ({ layer, head }) => actions.choose({ layer, head }));

  const drawings = [
    whenChanged(
      (/** @type {Scene} */ s) => [s.overview, s.choices.scale, s.choices.norm, s.choices.color, s.statistics, s.layout.overview, s.ratio, s.dark],
      (s) => tiles.forEach((one, index) => paint(one, index, s, scratch)),
    ),
    whenChanged((s) => [s.order, s.layout.overview], (s) => {
      group.classList.toggle("vl-moving", count <= MOST_MOVING && order !== null && order !== s.order);
      order = s.order;
      arrange(group, names, tiles, s);
    }),
    whenChanged((s) => [s.what], ({ what }) =>
      tiles.forEach((one) => one.node.setAttribute("aria-pressed", String(isShown(what, one.layer, one.head)))),
    ),
    whenChanged((s) => [s.statistics, s.choices.sort, s.choices.color], (s) => tiles.forEach((one, index) => name(one, index, s))),
    whenChanged((s) => [s.choices.layer, s.choices.head], ({ choices: { layer, head } }) => {
      const current = tiles[layer * meta.n_heads + head];
      if (current) rove(group, current.node);
    }),
  ];
  return { node: group, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @typedef {import("../lib/head_tiles.js").Tile} Tile */

/** The statistic whose numbers stand by the heads. @param {Scene} scene @returns {Statistic | undefined} */
export function shownStatistic({ statistics, choices: { sort, color } }) {
  const named = statistics.find(({ name }) => name === (sort === "layer" ? color : sort));
  return named ?? statistics[0];
}

/** @param {Tile} tile @param {number} index @param {Scene} scene */
function name({ node, number, layer, head }, index, scene) {
  const statistic = shownStatistic(scene);
  const value = statistic ? measure(statistic.values[index] ?? NaN) : "";
  number.textContent = value;
  const words = statistic ? `, ${statistic.label} ${value} ${shortUnit(statistic.unit)}` : "";
  setAttributes(node, { "aria-label": `Layer ${layer}, head ${head}${words}`, title: `L${layer} H${head}${words}` });
}

/** @param {Tile} tile @param {number} index @param {Scene} scene @param {HTMLCanvasElement} scratch */
function paint({ canvas }, index, scene, scratch) {
  const { side } = scene.layout.overview;
  canvas.style.width = canvas.style.height = `${side}px`;
  const statistic = scene.statistics.find(({ name }) => name === scene.choices.color);
  if (statistic) return paintFlat(canvas, statisticColor(statistic, statistic.values[index] ?? NaN));
  canvas.parentElement?.classList.toggle("vl-is-coming", !scene.overview.isHere(index));
  if (!scene.overview.isHere(index)) return blank(canvas);
  const pixels = thumbnailPixels(index, scene);
  putThumbnail(canvas, pixels, { width: side, height: side }, scene.ratio, scratch);
}

const UNKNOWN = { lo: 0, hi: 1, top: 1 };

/** In the colours of the whole map, of which it may be a shrunken picture. @param {number} index @param {Scene} scene */
function thumbnailPixels(index, { overview: all, choices: { scale, norm }, meta, dark }) {
  const shared = all.sharing(norm, Math.floor(index / meta.n_heads));
  const whole = scaleOf(all.kind, scale, all.ranges[index] ?? UNKNOWN, shared, meta.tokens.length);
  return pixelsOf(all.codesOf(index), all.side, palette(whole, all.thumbRanges[index] ?? UNKNOWN, all.kind, dark));
}

/** The place of a map that is still to come. @param {HTMLCanvasElement} canvas */
function blank(canvas) {
  canvas.width = canvas.height = 1;
}

/** @param {HTMLCanvasElement} canvas @param {readonly number[]} color */
function paintFlat(canvas, color) {
  canvas.width = canvas.height = 1;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = `rgb(${color.join()})`;
  context.fillRect(0, 0, 1, 1);
}

/** @param {Statistic} statistic */
export const statisticMap = ({ unit }) => (unit === "nats" ? cividis : viridis);

/** @param {Statistic} statistic @param {number} value @returns {readonly number[]} */
function statisticColor(statistic, value) {
  if (Number.isNaN(value)) return [128, 128, 128];
  const { least, most } = statistic;
  return colorAt(statisticMap(statistic), most > least ? (value - least) / (most - least) : 0.5);
}

/**
 * Puts every thumbnail in its place, and names rows and columns where there is no room under each.
 * @param {HTMLElement} group
 * @param {HTMLElement} names
 * @param {Tile[]} tiles
 * @param {Scene} scene
 */
function arrange(group, names, tiles, scene) {
  const { overview: layout } = scene.layout;
  const [size, columns] = [sizeOf(layout), scene.meta.n_heads];
  arrangeTiles(group, tiles, scene.order, columns, layout, size);
  if (layout.below) return fill(names);
  const isSorted = scene.choices.sort !== "layer";
  const rows = rowNames(Math.ceil(tiles.length / columns), layout, size, (row) => rowName(row, scene));
  fill(names, ...rows, ...(isSorted ? [] : columnNames(columns, layout, size)));
}

/** @param {import("./layout.js").OverviewLayout} layout */
const sizeOf = ({ side }) => ({ width: side, height: side });

/** "L0", or the statistic of a row's first head. @param {number} row @param {Scene} scene */
function rowName(row, scene) {
  if (scene.choices.sort === "layer") return `L${row}`;
  return measure(shownStatistic(scene)?.values[scene.order[row * scene.meta.n_heads] ?? 0] ?? NaN);
}
