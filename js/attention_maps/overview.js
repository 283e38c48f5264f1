// All heads at once: a thumbnail for each, by layer and head or sorted by a statistic.
import { colorAt, cividis, viridis } from "../lib/colormaps.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { moved } from "../lib/grid_keys.js";
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
  const tiles = Array.from({ length: count }, (_, index) => tile(Math.floor(index / meta.n_heads), index % meta.n_heads));
  const scratch = element("canvas", "", { width: meta.side, height: meta.side });
  const names = element("div", "vl-heads-names", { "aria-hidden": "true" });
  const group = element("div", "vl-heads", { role: "group", "aria-label": "All heads" }, names, ...tiles.map(({ node }) => node));
  /** @type {number[] | null} */
  let order = null; // heads move when they are sorted, not into their first places nor with the width
  listen(group, tiles, meta.n_heads, actions);

  const drawings = [
    whenChanged(
      (/** @type {Scene} */ s) => [s.overview, s.choices.scale, s.choices.norm, s.choices.color, s.statistics, s.layout.overview, s.ratio],
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

/** @param {number} layer @param {number} head */
function tile(layer, head) {
  const canvas = element("canvas", "vl-canvas");
  const number = element("span", "vl-head-number");
  const label = element("span", "vl-head-label", {}, element("span", "vl-head-name", {}, `L${layer} H${head}`), number);
  const attributes = { type: "button", tabindex: -1, "data-layer": layer, "data-head": head };
  return { node: element("button", "vl-head-tile", attributes, canvas, label), canvas, label, number, layer, head };
}

/** @typedef {ReturnType<typeof tile>} Tile */

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
  const words = statistic ? `, ${statistic.name} ${value} ${shortUnit(statistic.unit)}` : "";
  setAttributes(node, { "aria-label": `Layer ${layer}, head ${head}${words}`, title: `L${layer} H${head}${words}` });
}

/** @param {Tile} tile @param {number} index @param {Scene} scene @param {HTMLCanvasElement} scratch */
function paint({ canvas }, index, scene, scratch) {
  const { side } = scene.layout.overview;
  canvas.style.width = canvas.style.height = `${side}px`;
  const statistic = scene.statistics.find(({ name }) => name === scene.choices.color);
  if (statistic) return paintFlat(canvas, statisticColor(statistic, statistic.values[index] ?? NaN));
  const pixels = thumbnailPixels(index, scene);
  const whole = side % pixels.width === 0;
  canvas.width = canvas.height = whole ? pixels.width : Math.round(side * scene.ratio);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (whole) return context.putImageData(pixels, 0, 0);
  /** @type {CanvasRenderingContext2D} */ (scratch.getContext("2d")).putImageData(pixels, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(scratch, 0, 0, canvas.width, canvas.height);
}

const UNKNOWN = { lo: 0, hi: 1, top: 1 };

/** In the colours of the whole map, of which it may be a shrunken picture. @param {number} index @param {Scene} scene */
function thumbnailPixels(index, { overview: all, choices: { scale, norm }, meta }) {
  const shared = all.sharing(norm, Math.floor(index / meta.n_heads));
  const whole = scaleOf(all.kind, scale, all.ranges[index] ?? UNKNOWN, shared, meta.tokens.length);
  return pixelsOf(all.codesOf(index), all.side, palette(whole, all.thumbRanges[index] ?? UNKNOWN, all.kind));
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
  const { side, gap, below, left, top } = scene.layout.overview;
  const isSorted = scene.choices.sort !== "layer";
  const columns = scene.meta.n_heads;
  const [across, down] = [side + gap, side + (below || gap)];
  scene.order.forEach((index, place) => {
    const one = /** @type {Tile} */ (tiles[index]);
    const [x, y] = [left + (place % columns) * across, top + Math.floor(place / columns) * down];
    one.node.style.transform = `translate(${x}px, ${y}px)`;
    one.node.style.width = `${side}px`;
    one.label.hidden = below === 0;
    one.node.dataset["place"] = String(place);
  });
  const rows = Math.ceil(tiles.length / columns);
  group.style.width = `${left + columns * across - gap}px`;
  group.style.height = `${top + rows * down - (below ? 0 : gap)}px`;
  fill(names, ...(below ? [] : [...rowNames(scene, rows, columns, down), ...(isSorted ? [] : columnNames(scene, across))]));
}

/** "L0" ..., or the statistic of each row's first head. @param {Scene} scene @param {number} rows @param {number} columns @param {number} down */
function rowNames(scene, rows, columns, down) {
  const { top, side } = scene.layout.overview;
  const every = Math.max(1, Math.ceil(13 / down));
  const statistic = shownStatistic(scene);
  const isSorted = scene.choices.sort !== "layer";
  return Array.from({ length: rows }, (_, row) => row)
    .filter((row) => row % every === 0)
    .map((row) => {
      const value = statistic?.values[scene.order[row * columns] ?? 0] ?? NaN;
      const node = element("span", "vl-heads-row", {}, isSorted ? measure(value) : `L${row}`);
      node.style.top = `${top + row * down + side / 2 - 7}px`;
      return node;
    });
}

/** "H0" ... above the columns. @param {Scene} scene @param {number} across */
function columnNames({ layout: { overview: layout }, meta }, across) {
  const every = Math.max(1, Math.ceil(24 / across));
  return Array.from({ length: meta.n_heads }, (_, head) => head)
    .filter((head) => head % every === 0)
    .map((head) => {
      const node = element("span", "vl-heads-column", {}, `H${head}`);
      node.style.left = `${layout.left + head * across + layout.side / 2}px`;
      return node;
    });
}

/**
 * @param {HTMLElement} group
 * @param {Tile[]} tiles
 * @param {number} cols
 * @param {import("./scene.js").Actions} actions
 */
function listen(group, tiles, cols, actions) {
  /** @param {EventTarget | null} target */
  const tileAt = (target) => tiles.find(({ node }) => target instanceof Node && node.contains(target));
  /** @param {Tile | undefined} chosen */
  const choose = (chosen) => chosen && actions.choose({ layer: chosen.layer, head: chosen.head });
  group.addEventListener("click", (event) => choose(tileAt(event.target)));
  group.addEventListener("keydown", (event) => {
    const from = tileAt(event.target);
    if (!from) return;
    const place = Number(from.node.dataset["place"]);
    const grid = { rows: Math.ceil(tiles.length / cols), cols };
    const to = moved(event.key, event.ctrlKey || event.metaKey, { row: Math.floor(place / cols), col: place % cols }, grid);
    if (!to) return;
    const wanted = String(Math.min(tiles.length - 1, to.row * cols + to.col));
    const found = tiles.find(({ node }) => node.dataset["place"] === wanted);
    event.preventDefault();
    event.stopPropagation();
    found?.node.focus();
    choose(found);
  });
}
