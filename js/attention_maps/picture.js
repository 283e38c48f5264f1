// The image under its patches: heat of what a patch attends to, and rings that say who asks whom.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { patchCells, placeRing, ring, select, sizePicture } from "../lib/patch_cells.js";
import { anchorOf, heatOf } from "./heat.js";
import { seenThrough } from "./shades.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** From this patch size on the roles are whole words. */
const WORDED = 44;

/**
 * @param {import("./tokens.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function picture(tokens, actions) {
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const heat = element("canvas", "vl-heat", { width: tokens.cols, height: tokens.rows, "aria-hidden": "true" });
  const marks = {
    key: ring("vl-role-key", element("span", "vl-role")),
    query: ring("vl-role-query", element("span", "vl-role")),
  };
  const cells = patchCells(tokens, "Patches of the image", { pass: actions.passToken, choose: actions.pinToken });
  cells.all.forEach((cell, i) => cell.setAttribute("aria-label", tokens.describe(tokens.nPrefix + i)));
  const node = element("div", "vl-picture", {}, canvas, heat, element("div", "vl-gridlines"), marks.key, marks.query, cells.node);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], (s) => sizePicture(node, s.layout.imageCell, tokens)),
    whenChanged((s) => [s.layout, s.ratio, s.picture, isPlain(s)], drawGround(canvas)),
    whenChanged((s) => [s.focus, anchorOf(s), s.choices.direction, s.dark], (s) => drawHeat(heat, s)),
    whenChanged((s) => [s.pair, s.pinned, s.layout], (s) => placeMarks(marks, s)),
    whenChanged((s) => [s.pinned], ({ pinned }) =>
      select(cells.all, (i) => [pinned.query, pinned.key].includes(tokens.nPrefix + i)),
    ),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** Whether the image has no heat, and will have none. @param {Scene} scene */
const isPlain = (scene) => anchorOf(scene) === null || (scene.focus === null && !scene.canAsk);

/** The image as it is; under heat, grey and dark. @param {HTMLCanvasElement} canvas */
const drawGround = (canvas) => (/** @type {Scene} */ scene) => {
  const { imageWidth, imageHeight } = scene.layout;
  canvas.width = Math.round(imageWidth * scene.ratio);
  canvas.height = Math.round(imageHeight * scene.ratio);
  const ground = scene.picture.grounds.copy(isPlain(scene) ? "plain" : "map", canvas.width, canvas.height);
  canvas.getContext("2d")?.putImageData(ground, 0, 0);
};

/** One pixel a patch, laid over the image by the browser. @param {HTMLCanvasElement} canvas @param {Scene} scene */
function drawHeat(canvas, scene) {
  const { tokens, dark } = scene;
  const tintOf = heatOf(scene);
  const image = new ImageData(tokens.cols, tokens.rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let patch = 0; patch < pixels.length; patch++) {
    const token = tokens.nPrefix + patch;
    pixels[patch] = tokens.position(token) === null ? veil(dark) : (tintOf?.(token) ?? 0);
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** A patch that is not in the sequence. @param {boolean} dark */
const veil = (dark) => seenThrough(dark ? 0x242424 : 0xeeeeee, 0.92);

/** @param {{ query: HTMLElement, key: HTMLElement }} marks @param {Scene} scene */
function placeMarks(marks, { pair, pinned, tokens, layout }) {
  const { imageCell: cell } = layout;
  const isSame = pair.query !== null && pair.query === pair.key;
  for (const role of /** @type {const} */ (["query", "key"])) {
    const mark = marks[role];
    placeRing(mark, role === "key" && isSame ? null : pair[role], tokens, cell);
    mark.classList.toggle("vl-first-row", pair[role] !== null && tokens.place(pair[role])?.row === 0);
    mark.classList.toggle("vl-ring-pinned", pair[role] === pinned[role]);
    mark.classList.toggle("vl-ring-passing", pair[role] !== pinned[role]);
    if (mark.firstElementChild) mark.firstElementChild.textContent = wordOf(role, isSame, cell);
  }
}

/** @param {"query" | "key"} role @param {boolean} isSame  query and key are one token @param {number} cell */
function wordOf(role, isSame, cell) {
  if (isSame) return cell >= 60 ? "query = key" : "q k";
  return cell >= WORDED ? role : role.charAt(0);
}
