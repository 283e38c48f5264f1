// What the colours and the squares of the map of parts mean.
import { whenChanged } from "../lib/changes.js";
import { element } from "../lib/dom.js";
import { decimal } from "../lib/numbers.js";
import { ramp } from "../lib/ramp.js";
import { cellColor, css, partTicks } from "./shades.js";
import { metricWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @returns {{ node: HTMLElement, update: (scene: Scene) => void }} */
export function partLegend() {
  const scale = ramp();
  const words = element("div", "vl-legend-words");
  const keys = ["square alone: gradient estimate", "full: exchanged for real; a visible square: the gradient is off"].map(key);
  const node = element("div", "vl-part-legend", {}, element("div", "vl-part-scale", {}, scale.node, words), element("div", "vl-part-keys", {}, ...keys.map((one) => one.node)));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.effects.partEnd, s.effects.beyond.below, s.effects.beyond.above, s.dark], (s) => {
      scale.draw((place) => cellColor(2 * place - 1, 1, s.dark), partTicks(s.effects.partEnd, s.effects.beyond));
      keys.forEach(({ cell, square }, i) => {
        cell.style.background = i === 0 ? "" : css(cellColor(0.6, 1, s.dark));
        square.style.background = css(cellColor(i === 0 ? 0.6 : 0.15, 1, s.dark));
      });
    }),
    whenChanged((s) => [s.effects.ends, s.classes], (s) => {
      const { base, other } = s.effects.ends;
      words.textContent = `share of the way: ${metricWords(s)} from ${decimal(base)} to ${decimal(other)}`;
    }),
    whenChanged((s) => [s.layout], (s) => {
      node.style.setProperty("--vl-start", `${s.layout.mode === "narrow" ? 0 : s.layout.columns.start}px`);
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {string} text @param {number} i */
function key(text, i) {
  const square = element("span", "vl-estimate");
  const cell = element("span", `vl-key ${i === 0 ? "" : "vl-known"}`, { "aria-hidden": "true" }, square);
  return { node: element("div", "vl-part-key", {}, cell, element("span", "", {}, text)), cell, square };
}
