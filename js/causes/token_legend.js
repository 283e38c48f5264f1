// The scale of the tokens' colours, with a mark at the pinned one.
import { whenChanged } from "../lib/changes.js";
import { colorAt, magma } from "../lib/colormaps.js";
import { element } from "../lib/dom.js";
import { ramp } from "../lib/ramp.js";
import { overGrey, placeOn, share } from "./shades.js";
import { mostOf } from "./token_paint.js";
import { passedToken } from "./token_map.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @returns {{ node: HTMLElement, update: (scene: Scene) => void }} */
export function tokenLegend() {
  const scale = ramp();
  const words = element("div", "vl-legend-words");
  const node = element("div", "vl-token-legend", {}, words, scale.node);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.view, s.effects.tokenEnd, s.looks], (s) => {
      const end = s.effects.tokenEnd;
      scale.node.style.visibility = s.view === "cover" ? "hidden" : ""; // its room stays
      if (s.view === "cover") return void (words.textContent = "drag covers these patches instead; a click adds or frees one");
      if (s.view === "looks") {
        const most = mostOf(s.looks.values, s.tokens.nBefore);
        words.textContent = "attention to each patch";
        return scale.draw((place) => colorAt(magma, place), [{ at: 0, text: "0" }, { at: 1, text: most.toPrecision(2) }]);
      }
      words.textContent = "share of the way, one token exchanged; square: estimate";
      scale.draw(overGrey, [{ at: 0, text: share(-end) }, { at: 0.5, text: "0" }, { at: 1, text: share(end) }]);
    }),
    whenChanged((s) => [s.view, s.effects, s.choices.token, s.choices.layer, s.passing], (s) => void scale.mark(markedAt(s))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
function markedAt(scene) {
  const { view, effects, choices, tokens } = scene;
  const token = passedToken(scene) ?? choices.token;
  const position = view === "effect" && token !== null ? tokens.position(token) : null;
  if (position === null) return NaN;
  const { share: exact, estimate } = effects.token(choices.layer, position);
  return placeOn(Number.isNaN(exact) ? estimate : exact, effects.tokenEnd);
}
