// The search box over the model's labels that chooses the target.
import { ClassSearch } from "../lib/class_search.js";
import { whenChanged } from "../lib/changes.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./reading.js").Reading} Reading */

/**
 * @param {Reading} reading
 * @param {Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function targetSearch(reading, actions) {
  const search = new ClassSearch("Target", "Target class", classesOf(reading, 0), {
    choose: (target) => actions.choose({ target }),
    complain: actions.complain,
  });
  const update = whenChanged(
    (/** @type {Scene} */ s) => [s.asked, s.layer, s.reading],
    (scene) => search.show(scene.asked, classesOf(scene.reading, scene.layer)),
  );
  return { node: search.node, update };
}

/** First the readout's own answers, each with its probability at the state. @param {Reading} reading @param {number} layer @returns {import("../lib/class_search.js").Classes} */
const classesOf = (reading, layer) => ({
  names: reading.source.labels,
  label: (index) => reading.label(index),
  first: Array.from({ length: reading.nAnswers }, (_, place) => reading.answer(layer, reading.readout, place).label.index),
  firstWords: "the readout's first answers",
  number: (index) => reading.readoutProbability(layer, index),
  numberWords: `number: readout at ${reading.stateName(layer)}`,
  model: reading.meta.model_name,
});
