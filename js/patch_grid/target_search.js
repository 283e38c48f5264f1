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
    (/** @type {Scene} */ s) => [s.asked, s.state, s.reading],
    (scene) => search.show(scene.asked, classesOf(scene.reading, scene.state)),
  );
  return { node: search.node, update };
}

/** First the readout's own answers, each with its probability at the state. @param {Reading} reading @param {number} state @returns {import("../lib/class_search.js").Classes} */
const classesOf = (reading, state) => ({
  names: reading.source.labels,
  label: (index) => reading.label(index),
  first: Array.from({ length: reading.nAnswers }, (_, place) => reading.answer(state, reading.readout, place).label.index),
  firstWords: "the readout's first answers",
  number: (index) => reading.readoutProbability(state, index),
  numberWords: `number: readout at ${reading.stateName(state)}`,
  model: reading.meta.model_name,
});
