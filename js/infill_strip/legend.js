// Under the large view: what it shows, and the colours of errors with numbers.
import { colorAt, cividis } from "../lib/colormaps.js";
import { element } from "../lib/dom.js";
import { ramp } from "../lib/ramp.js";
import { whenChanged } from "../lib/changes.js";
import { MOST_ERROR } from "./painting.js";

/** @typedef {import("./scene.js").Scene} Scene */

const TICKS = [
  { at: 0, text: "0" },
  { at: 0.5, text: "0.25" },
  { at: 1, text: "≥ 0.5" },
];

/** @returns {import("./scene.js").Part} */
export function legend() {
  const words = element("div", "vl-legend-words");
  const scale = ramp();
  scale.draw((place) => colorAt(cividis, place), TICKS);
  const node = element("div", "vl-error-legend", {}, words, scale.node);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.view, s.choices.paste, s.choices.reference], (s) => {
      words.textContent = wordsOf(s);
      scale.node.hidden = s.choices.view !== "error" && s.choices.view !== "wipe";
    }),
    whenChanged((s) => [s.patch, s.mask, s.data, s.choices.state, s.passing, s.choices.reference], (s) => {
      const { patch, mask, data, choices, passing } = s;
      const isScored = patch !== null && mask[patch] && data.painting.mask[patch] && !data.areNumbersOld;
      // Of the same state as the read-out's number.
      const error = isScored ? data.numbers.error(choices.reference, passing ?? choices.state, patch) : NaN;
      scale.mark(Math.min(1, error / MOST_ERROR));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
function wordsOf({ canAsk, choices: { view, paste, reference } }) {
  switch (view) {
    case "original":
      return "the image as the model sees it whole";
    case "masked":
      return `hatched: hidden from the model${canAsk ? "; click or drag to change it" : ""}`;
    case "picture":
      return paste ? `visible patches are the original's${canAsk ? "; click or drag to mask and unmask" : ""}` : "all patches as painted: the model was never trained on the visible ones";
    default:
      return `error to the ${reference === "final" ? "final answer" : "original"}; grey: visible, not scored`;
  }
}
