// A colour scale with its numbers, and a mark at one value.
import { element, fill } from "./dom.js";

const STEPS = 256;

/** @typedef {{ at: number, text: string }} Tick  at: 0..1 */

/**
 * @typedef {object} Ramp
 * @property {HTMLElement} node
 * @property {(colorAt: (place: number) => readonly number[], ticks: Tick[]) => void} draw  places are 0..1
 * @property {(place: number) => boolean} mark  NaN marks nothing; says whether something is marked
 */

/** @returns {Ramp} */
export function ramp() {
  const canvas = element("canvas", "vl-ramp", { width: STEPS, height: 1, role: "img" });
  const marker = element("div", "vl-marker", { "aria-hidden": "true", hidden: true });
  const ticks = element("div", "vl-ticks");
  return {
    node: element("div", "vl-scale", {}, marker, canvas, ticks),
    draw: (colorAt, given) => {
      paint(canvas, colorAt);
      canvas.setAttribute("aria-label", `colour scale from ${given[0]?.text} to ${given.at(-1)?.text}`);
      fill(ticks, ...given.map(tick));
    },
    mark: (place) => {
      marker.hidden = Number.isNaN(place);
      if (!marker.hidden) marker.style.left = `${100 * place}%`;
      return !marker.hidden;
    },
  };
}

/** @param {HTMLCanvasElement} canvas @param {(place: number) => readonly number[]} colorAt */
function paint(canvas, colorAt) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = context.createImageData(STEPS, 1);
  for (let i = 0; i < STEPS; i++) pixels.data.set([...colorAt(i / (STEPS - 1)), 255], 4 * i);
  context.putImageData(pixels, 0, 0);
}

/** @param {Tick} tick */
function tick({ at, text }) {
  const node = element("span", at === 0 ? "vl-first" : at === 1 ? "vl-last" : "", {}, text);
  node.style.left = `${100 * at}%`;
  return node;
}
