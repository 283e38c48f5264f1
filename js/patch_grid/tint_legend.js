// The legend of the tint, directly under its picture: the map as it looks on the picture's grey,
// numbers, and a mark at the pinned value.
import { colorAt } from "../lib/colormaps.js";
import { element, fill } from "../lib/dom.js";
import { LEGEND_GREY, mapOpacity } from "../lib/tinting.js";
import { whenChanged } from "../lib/changes.js";
import { needsTarget } from "./tints.js";
import { labelNode } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./tints.js").Scale} Scale */

const STEPS = 256;

/** What each tint says, in the words under the picture. @type {Record<import("./tints.js").TintName, string>} */
const WORDS = {
  probability: "tint: probability of ",
  logit: "tint: logit of ",
  rank: "tint: rank of ",
  entropy: "tint: entropy of the answer, in nats",
  kl: "tint: KL from the final answer, in nats",
  class: "tint: top class, coloured as in the list; lines run between different classes",
  none: "no tint: the image as the model saw it",
};

/** @returns {import("./scene.js").Part} */
export function tintLegend() {
  const words = element("div", "vl-legend-words");
  const ramp = element("canvas", "vl-ramp", { width: STEPS, height: 1, role: "img" });
  const marker = element("div", "vl-marker", { "aria-hidden": "true" });
  const ticks = element("div", "vl-ticks");
  const scale = element("div", "vl-scale", {}, marker, ramp, ticks);
  const notes = element("div", "vl-legend-notes");
  const node = element("div", "vl-tint-legend", {}, words, scale, notes);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.tint, s.columns, s.glyph], (s) => {
      fill(words, WORDS[s.tint], needsTarget(s.tint) ? labelNode(s.target) : null);
      scale.hidden = s.scale === null;
      node.classList.toggle("vl-no-scale", s.scale === null);
      if (s.scale) drawRamp(ramp, ticks, s.scale);
    }),
    whenChanged((s) => [s.tint, s.columns, s.glyph, s.token, s.layer], (s) => {
      const shown = placeMarker(marker, s);
      const fainter = s.glyph === "none" ? null : element("div", "", {}, s.glyph === "emoji" ? "fainter: less probable" : "number: probability");
      fill(notes, shown ? element("div", "", {}, element("span", "vl-marker-sign", {}, "▾"), " pinned token") : null, fainter);
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {HTMLCanvasElement} ramp @param {HTMLElement} ticks @param {Scale} scale */
function drawRamp(ramp, ticks, scale) {
  const context = /** @type {CanvasRenderingContext2D} */ (ramp.getContext("2d"));
  const pixels = context.createImageData(STEPS, 1);
  for (let i = 0; i < STEPS; i++) {
    const place = i / (STEPS - 1);
    const opacity = mapOpacity(scale.strength(place));
    const color = colorAt(scale.map, place).map((c) => LEGEND_GREY * (1 - opacity) + c * opacity);
    pixels.data.set([...color, 255], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
  const [first, last] = [scale.ticks[0], scale.ticks.at(-1)];
  ramp.setAttribute("aria-label", `colour scale from ${first?.text} to ${last?.text}`);
  fill(ticks, ...scale.ticks.map(tick));
}

/** @param {{ at: number, text: string }} tick */
function tick({ at, text }) {
  const node = element("span", at === 0 ? "vl-first" : at === 1 ? "vl-last" : "", {}, text);
  node.style.left = `${100 * at}%`;
  return node;
}

/** @param {HTMLElement} marker @param {Scene} scene */
function placeMarker(marker, { scale, token, layer }) {
  const place = scale && token !== null ? scale.place(scale.value(layer, token)) : NaN;
  marker.hidden = Number.isNaN(place);
  if (!marker.hidden) marker.style.left = `${100 * place}%`;
  return !marker.hidden;
}
