// The choices that change all views, and those of the overview.
import { menu, segments } from "../lib/controls.js";
import { whenChanged } from "../lib/changes.js";
import { imageControl as ofBatch } from "../lib/image_control.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {Partial<import("./scene.js").Choices>} Change */

/**
 * @param {import("../lib/controls.js").Control} control
 * @param {(scene: Scene) => string} valueOf
 * @param {(scene: Scene) => string | null} whyNot  why it cannot be chosen now
 * @returns {Part}
 */
function part({ node, show, disable }, valueOf, whyNot = () => null) {
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [valueOf(s)], (s) => show(valueOf(s))),
    whenChanged((s) => [whyNot(s)], (s) => disable(whyNot(s))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Actions} actions @returns {Part} */
export function showControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["head", "One head"], ["mean", "Mean"], ["rollout", "Rollout"]]);
  const control = segments("Show", "Show", words, (show) =>
    // the overview goes on to show what a rollout is made of
    choose(/** @type {Change} */ (show === "rollout" ? { show, kind: "pattern" } : { show })),
  );
  return part(control, (s) => s.choices.show);
}

/** @param {Actions} actions @returns {Part} */
export function kindControl({ choose }) {
  const control = segments("Values", "Values", [["pattern", "Pattern"], ["scores", "Scores"]], (kind) => choose(/** @type {Change} */ ({ kind })));
  return part(control, (s) => (s.choices.show === "rollout" ? "pattern" : s.choices.kind), (s) =>
    s.choices.show === "rollout" ? "A rollout multiplies patterns" : s.meta.knows_scores === false ? "Weights alone were given" : withoutKernel(s, "the other kind of values"),
  );
}

/** @param {Actions} actions @returns {Part} */
export function scaleControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["linear", "Linear"], ["sqrt", "Root"], ["log", "Log"]]);
  const control = segments("Scale", "Scale", words, (scale) => choose(/** @type {Change} */ ({ scale })));
  return part(control, (s) => (areScores(s) ? "linear" : s.choices.scale), (s) =>
    areScores(s) ? "Scores are shown on a linear scale: they are logarithms already" : null,
  );
}

/** Why something that the kernel computes cannot be had. @param {Scene} scene @param {string} what */
const withoutKernel = ({ canAsk }, what) => (canAsk ? null : `This page has no kernel to compute ${what}`);

/** @param {Scene} scene */
const areScores = ({ choices }) => choices.kind === "scores" && choices.show !== "rollout";

/** @param {Actions} actions @returns {Part} */
export function normControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["map", "Per map"], ["layer", "Per layer"], ["all", "Common"]]);
  const control = segments("", "Maps on one scale", words, (norm) => choose(/** @type {Change} */ ({ norm })));
  return part(control, (s) => s.choices.norm);
}

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part | null} null where there is one image */
export const imageControl = (meta, { choose }) =>
  ofBatch(meta, {
    choose: (image) => choose({ image }),
    chosenOf: (/** @type {Scene} */ s) => s.choices.image,
    smallOf: () => meta.small ?? null,
    whyNot: (s) => withoutKernel(s, "another image"),
    hasMean: true,
  });

/** @param {Actions} actions @returns {Part} */
export function directionControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["to", "Attends to"], ["from", "Attended by"]]);
  const control = segments("", "What a patch shows", words, (direction) => choose(/** @type {Change} */ ({ direction })));
  return part(control, (s) => s.choices.direction);
}

/**
 * @param {string} name
 * @param {"sort" | "color"} choice
 * @param {[value: string, text: string]} first
 * @param {Actions} actions
 * @returns {Part}
 */
export function statisticControl(name, choice, first, { choose }) {
  const control = menu(name, name, [first], (value) => choose(choice === "sort" ? { sort: value } : { color: value }));
  const update = whenChanged((/** @type {Scene} */ s) => [s.statistics, s.choices[choice]], (s) => {
    control.offer([first, ...s.statistics.map((one) => /** @type {[string, string]} */ ([one.name, one.label]))]);
    control.show(s.choices[choice]);
  });
  return { node: control.node, update };
}
