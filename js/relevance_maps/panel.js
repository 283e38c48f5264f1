// One class's map on the image, or the difference of two: its name, the tokens that are no patches,
// the picture under its heat, the legend. While a point of its removal curve is looked at, the
// picture shows what is left.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { drawHatch } from "../lib/hatch.js";
import { labelNode } from "../lib/label_nodes.js";
import { probability } from "../lib/numbers.js";
import { patchCells, placeRing, ring, select, SMALLEST_FLAGGED, sizePicture } from "../lib/patch_cells.js";
import { chips } from "./chips.js";
import { legend } from "./legend.js";
import { laid, pixelsOf, veil } from "./shades.js";
import { relevance } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Whose} Whose */

/**
 * @param {Whose} whose
 * @param {import("./scene.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function panel(whose, tokens, actions) {
  const title = element("h4", "vl-panel-title");
  const before = chips(whose, tokens, actions);
  const shown = picture(whose, tokens, actions);
  const scale = legend(whose);
  const node = element("section", "vl-panel vl-attention-maps", { "data-of": String(whose) }, title, before.node, shown.node, scale.node);
  const parts = [before, shown, scale];
  const drawTitle = whenChanged((/** @type {Scene} */ s) => [s.maps, s.classes], (s) => {
    fill(title, ...titleOf(whose, s));
    setAttributes(node, { "aria-label": title.textContent });
  });
  const update = (/** @type {Scene} */ scene) => {
    node.hidden = !scene.whose.includes(whose);
    if (node.hidden) return;
    drawTitle(scene);
    for (const part of parts) part.update(scene);
  };
  return { node, update };
}

/** "cat 0.96", "cat − dog". @param {Whose} whose @param {Scene} scene */
function titleOf(whose, { maps: { of }, classes }) {
  const name = (/** @type {number | null} */ index) => labelNode(classes.label(index ?? 0), "vl-name vl-strong");
  if (whose === "difference") return [name(of.target), element("span", "vl-minus", {}, "−"), name(of.against)];
  const index = (whose === 0 ? of.target : of.against) ?? 0;
  if (classes.isEmpty) return [name(index)];
  const p = probability(classes.probability[index] ?? NaN, 3);
  const title = `the model’s probability of this class (${classes.kind})`;
  return [name(index), element("span", "vl-quiet vl-gives-way", { title }, `${classes.word} `), element("span", "vl-quiet", { title }, p)];
}

/**
 * @param {Whose} whose
 * @param {import("./scene.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
function picture(whose, tokens, actions) {
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const heat = element("canvas", "vl-heat", { width: tokens.cols, height: tokens.rows, "aria-hidden": "true" });
  const hatch = element("canvas", "vl-hatch", { hidden: true, "aria-hidden": "true" });
  const marks = { pinned: ring("vl-ring-pinned"), passing: ring("vl-ring-passing") };
  const cells = patchCells(tokens, "", { pass: actions.pass, choose: actions.pin });
  const lines = element("div", "vl-gridlines");
  const node = element("div", "vl-picture", {}, canvas, heat, hatch, lines, marks.pinned, marks.passing, cells.node);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], (s) => sizePicture(node, s.layout.cell, tokens)),
    whenChanged((s) => [s.layout, s.ratio, s.grounds, removalOf(whose, s) === null], (s) => drawGround(canvas, whose, s)),
    whenChanged((s) => [s.maps, s.what, s.scaleOf(whose, s.what), s.dark, removalOf(whose, s) === null], (s) => drawHeat(heat, whose, s)),
    whenChanged((s) => [removalOf(whose, s), s.curves, s.layout, s.ratio, s.dark], (s) => drawRemoved(hatch, whose, s)),
    whenChanged((s) => [s.choices.token, s.passing, s.layout], (s) => placeMarks(marks, s)),
    whenChanged((s) => [s.choices.token], (s) => select(cells.all, (i) => s.choices.token === tokens.nPrefix + i)),
    whenChanged((s) => [s.maps, s.what], (s) => name(cells, whose, s)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** The point of this class's curve that is looked at. @param {Whose} whose @param {Scene} scene */
export const removalOf = (whose, { removal }) => (removal && removal.of === whose ? removal : null);

/** The image, grey and dark under heat. @param {HTMLCanvasElement} canvas @param {Whose} whose @param {Scene} scene */
function drawGround(canvas, whose, scene) {
  const { cell } = scene.layout;
  canvas.width = Math.round(cell * scene.meta.cols * scene.ratio);
  canvas.height = Math.round(cell * scene.meta.rows * scene.ratio);
  const ground = scene.grounds.copy(removalOf(whose, scene) ? "plain" : "map", canvas.width, canvas.height);
  canvas.getContext("2d")?.putImageData(ground, 0, 0);
}

/** One pixel a patch, laid over the image by the browser. @param {HTMLCanvasElement} canvas @param {Whose} whose @param {Scene} scene */
function drawHeat(canvas, whose, scene) {
  canvas.hidden = removalOf(whose, scene) !== null;
  const [values, scale] = [scene.maps.values(whose, scene.what), scene.scaleOf(whose, scene.what)];
  const pixels = pixelsOf(scene.tokens, (position) => laid(scale, values[position] ?? NaN), veil(scene.dark));
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** @param {HTMLCanvasElement} canvas @param {Whose} whose @param {Scene} scene */
function drawRemoved(canvas, whose, scene) {
  const removal = removalOf(whose, scene);
  canvas.hidden = removal === null;
  if (removal) drawHatch(canvas, scene.curves.gone(removal), scene.meta, { cell: scene.layout.cell, ratio: scene.ratio, dark: scene.dark });
}

/** @param {{ pinned: HTMLElement, passing: HTMLElement }} marks @param {Scene} scene */
function placeMarks(marks, { choices, passing, tokens, layout }) {
  placeRing(marks.pinned, choices.token, tokens, layout.cell);
  placeRing(marks.passing, passing === choices.token ? null : passing, tokens, layout.cell);
  marks.pinned.classList.toggle("vl-flagged", layout.cell >= SMALLEST_FLAGGED);
}

/** @param {{ node: HTMLElement, all: HTMLElement[] }} cells @param {Whose} whose @param {Scene} scene */
function name(cells, whose, { maps, what, classes, tokens }) {
  const values = maps.values(whose, what);
  const { target, against } = maps.of;
  const label = (/** @type {number | null} */ index) => classes.label(index ?? 0).name;
  const of = whose === "difference" ? `${label(target)} minus ${label(against)}` : label(whose === 0 ? target : against);
  setAttributes(cells.node, { "aria-label": `Relevance of patches for ${of}` });
  cells.all.forEach((cell, i) => {
    const token = tokens.nPrefix + i;
    const position = tokens.position(token);
    const number = position === null ? "not in the sequence" : relevance(values[position] ?? NaN);
    setAttributes(cell, { "aria-label": `${tokens.describe(token)}, ${number}` });
  });
}
