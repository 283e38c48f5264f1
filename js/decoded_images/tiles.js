// A small picture of the table: a button with a canvas, and room for words under it.
import { element, setAttributes } from "../lib/dom.js";
import { pictureCanvas, put } from "./canvas.js";

/** @typedef {import("./scene.js").Spot} Spot */

/**
 * @typedef {object} Tile
 * @property {Spot} spot
 * @property {HTMLButtonElement} node
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLElement} turn  when it comes, while it is not made
 * @property {HTMLElement} label
 * @property {HTMLElement} bar
 */

/** @param {Spot} spot @returns {Tile} */
export function tile(spot) {
  const canvas = pictureCanvas();
  const turn = element("span", "vl-turn");
  const frame = element("span", "vl-tile-frame", {}, canvas, turn);
  const bar = element("span", "vl-tile-bar", { "aria-hidden": "true" }, element("span", "vl-tile-filled"));
  const label = element("span", "vl-tile-label");
  const data = { "data-layer": spot.layer, "data-column": spot.column, "data-seed": spot.seed };
  const node = element("button", "vl-tile", { type: "button", tabindex: -1, ...data }, frame, bar, label);
  return { spot, node, canvas, turn, label, bar };
}

/** @param {Tile} tile @param {import("./scene.js").Picture | null} picture @param {string} words  said where there is none */
export function paint({ node, canvas, turn }, picture, words) {
  put(canvas, picture);
  turn.textContent = picture ? "" : words;
  node.classList.toggle("vl-is-coming", !picture);
}

/** @param {Tile} tile @param {number} x @param {number} y @param {{ width: number, height: number }} size */
export function place({ node }, x, y, { width, height }) {
  node.style.transform = `translate(${x}px, ${y}px)`;
  node.style.width = `${width}px`;
  node.style.setProperty("--vl-tile", `${height}px`);
}

/** @param {Tile} tile @param {number} share  NaN: no bar */
export function fillBar({ bar }, share) {
  bar.hidden = Number.isNaN(share);
  /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${100 * Math.min(1, Math.max(0, share || 0))}%`;
}

/** @param {Tile} tile @param {string} words @param {boolean} isOn */
export function say({ node }, words, isOn) {
  setAttributes(node, { "aria-label": words, title: words, "aria-pressed": String(isOn) });
}

/** @param {EventTarget | null} target @returns {Spot | null} */
export function spotOf(target) {
  const node = target instanceof Element ? target.closest("[data-column]") : null;
  if (!(node instanceof HTMLElement)) return null;
  const { layer, column, seed } = node.dataset;
  return { layer: Number(layer), column: Number(column), seed: Number(seed) };
}

/** @param {Spot | null} one @param {Spot | null} other */
export const isSame = (one, other) => one === other || (one !== null && other !== null && one.layer === other.layer && one.column === other.column && one.seed === other.seed);
