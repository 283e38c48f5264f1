// A picture with its patches: the marks of the pinned one and of the one pointed at, and the keys.
import { whenChanged } from "../lib/changes.js";
import { element } from "../lib/dom.js";
import { patchCells, placeRing, ring, select, sizePicture } from "../lib/patch_cells.js";
import { placesOf, spoken } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */

/** From this size of a patch on, rings are as thick as everywhere. */
const SMALLEST_THICK = 10;

/**
 * A canvas under a grid of patches, with rings.
 * @param {import("./scene.js").Meta} meta
 * @param {import("./scene.js").Actions} actions
 * @param {object} how
 * @param {string} how.label  for those who do not see it
 * @param {(canvas: HTMLCanvasElement, scene: Scene) => void} how.draw
 * @param {(scene: Scene) => unknown[]} how.of  what the drawing depends on
 * @param {boolean} [how.pins]  whether it has the ring of the pinned token
 * @param {Part[]} [how.over]  what lies on it
 * @returns {Part}
 */
export function patchPicture(meta, actions, { label, draw, of, pins = true, over = [] }) {
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const marks = rings();
  const places = placesOf(meta);
  const cells = patchCells(places, label, { pass: actions.pass, choose: actions.press });
  const node = element("div", "vl-picture", {}, canvas, ...over.map((part) => part.node), ...marks.nodes, cells.node);
  const sizes = (/** @type {Scene} */ s) => [s.layout.cell, s.ratio];
  const drawings = [
    whenChanged(sizes, (/** @type {Scene} */ s) => sizePicture(node, s.layout.cell, meta)),
    whenChanged((s) => [...sizes(s), s.dark, s.choices.image, ...of(s)], (s) => draw(canvas, s)),
    whenChanged((s) => [s.data, s.choices.state, s.choices.image, s.choices.mode, s.choices.colours], (s) =>
      cells.all.forEach((cell, i) => cell.setAttribute("aria-label", spoken(s, places.nPrefix + i))),
    ),
    whenChanged((s) => [pins ? pinnedHere(s) : null], (s) => select(cells.all, (i) => pins && pinnedHere(s) === places.nPrefix + i)),
  ];
  return {
    node,
    update: (scene) => {
      drawings.forEach((drawing) => drawing(scene));
      marks.place(scene, scene.layout.cell, pins);
      over.forEach((part) => part.update(scene));
    },
  };
}

/** The pinned token, where it is one of the image shown. @param {Scene} scene */
export function pinnedHere({ choices, data }) {
  const { similar } = data;
  if (similar && similar.of.token === choices.token && similar.of.image !== choices.image) return null;
  return choices.token;
}

/** The rings of a picture; a patch of another picture is not marked in this one. */
export function rings() {
  const passing = ring("vl-ring-passing");
  const pinned = ring("vl-ring-pinned");
  return {
    nodes: [passing, pinned],
    /** @param {Scene} scene @param {number} cell @param {boolean} pins */
    place: (scene, cell, pins) => {
      const places = placesOf(scene.data.meta);
      const waiting = scene.pending?.image === scene.choices.image ? scene.pending.token : null;
      const token = pins ? pinnedHere(scene) : waiting;
      placeRing(passing, scene.passing === token ? null : scene.passing, places, cell);
      placeRing(pinned, token, places, cell);
      for (const mark of [passing, pinned]) mark.classList.toggle("vl-ring-thin", cell < SMALLEST_THICK);
    },
  };
}
