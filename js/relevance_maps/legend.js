// The colours of a map and what they mean, directly under it.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { ramp } from "../lib/ramp.js";
import { overImage } from "./shades.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Room for a letter, and between two numbers, px. */
const [LETTER, SPACE] = [7, 10];

/** Whether all numbers stand side by side, the first and the last of them within the scale. @param {import("../lib/ramp.js").Tick[]} ticks @param {number} width */
function fits(ticks, width) {
  const starts = ticks.map(({ at, text }) => at * width - LETTER * text.length * (at === 0 || at === 1 ? at : 0.5));
  return ticks.every(({ text }, i) => i === ticks.length - 1 || (starts[i] ?? 0) + LETTER * text.length + SPACE <= (starts[i + 1] ?? 0));
}

/** @param {import("./scene.js").Whose} whose @returns {import("./scene.js").Part} */
export function legend(whose) {
  const scale = ramp();
  const words = element("div", "vl-legend-words");
  const node = element("div", "vl-map-legend", {}, scale.node, words);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.scaleOf(whose, s.what), s.layout], (s) => {
      const shown = s.scaleOf(whose, s.what);
      const { ticks } = shown;
      scale.draw((place) => overImage(shown, place), fits(ticks, s.layout.picture) ? ticks : ticks.filter(({ at }) => [0, 0.5, 1].includes(at)));
    }),
    whenChanged((s) => [s.maps, s.what, s.choices.norm, s.choices.shared], (s) => (words.textContent = sentence(whose, s))),
    whenChanged((s) => [s.maps, s.what, s.scaleOf(whose, s.what), s.token], (s) => void scale.mark(markedPlace(whose, s))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {import("./scene.js").Whose} whose @param {Scene} scene */
function sentence(whose, scene) {
  const { maps, what, choices } = scene;
  const sign = whose === "difference" ? "orange: more for the first class, blue: for the second" : maps.isSigned ? "orange: speaks for the class, blue: against it" : "relevance";
  const both = scene.whose.length > 1 && choices.shared ? "both classes" : "";
  const shared = [both, sharing(what, choices.norm)].filter(Boolean).join(" and ");
  return shared ? `${sign}; one scale for ${shared}` : sign;
}

/** The other maps of a class that share a scale with one. @param {import("./maps.js").What} what @param {"all" | "layer" | "map"} norm */
function sharing({ show, layer }, norm) {
  if (show === "all" || norm === "map") return "";
  if (show === "layer") return norm === "all" ? "all layers" : "";
  return norm === "all" ? "all heads" : `the heads of layer ${layer}`;
}

/** @param {import("./scene.js").Whose} whose @param {Scene} scene */
function markedPlace(whose, { maps, what, token, tokens, scaleOf }) {
  const position = token === null ? null : tokens.position(token);
  return position === null ? NaN : scaleOf(whose, what).place(maps.values(whose, what)[position] ?? NaN);
}
