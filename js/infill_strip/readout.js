// Exact values of the patch pointed at, in a fixed place.
import { element, fill } from "../lib/dom.js";
import { part, quiet, value } from "../lib/readout.js";
import { whenChanged } from "../lib/changes.js";
import { placeWords, score } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HINT = "Point at a patch to read its error";
const PAINT = "; click or drag to mask and unmask.";

/** @returns {import("./scene.js").Part} */
export function readout() {
  const node = element("div", "vl-pair-line", { role: "status", "aria-live": "polite" });
  const update = whenChanged(
    (/** @type {Scene} */ s) => [s.patch, s.mask, s.data, s.choices.state, s.passing],
    (scene) => {
      if (scene.patch === null) return fill(node, element("span", "vl-hint", {}, HINT + (scene.canAsk ? PAINT : ".")));
      fill(node, where(scene, scene.patch), ...measures(scene, scene.patch));
    },
  );
  return { node, update };
}

/** @param {Scene} scene @param {number} patch */
function where({ meta, mask }, patch) {
  const words = `${placeWords(meta, patch)}, ${mask[patch] ? "masked" : "visible"}`;
  return element("span", "vl-part vl-where", {}, element("span", "vl-symbol"), words);
}

/** The mean error over the patch, to both references. @param {Scene} scene @param {number} patch */
function measures({ meta, mask, data, choices, passing }, patch) {
  const state = passing ?? choices.state;
  const name = quiet(meta.state_names[state] ?? "");
  if (!mask[patch]) return [part(quiet("the model sees it; no error is taken"))];
  if (data.areNumbersOld || !data.painting.mask[patch]) return [name, part(quiet("mean error"), "…")];
  const to = (/** @type {import("./scene.js").Reference} */ reference) => value(score(data.numbers.error(reference, state, patch), 3));
  return [name, part(quiet("mean error"), to("original")), part(quiet("to the final"), to("final"))];
}
