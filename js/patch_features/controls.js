// The choices that change all views, and the pictures to choose from.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { imagePicks } from "../lib/image_picks.js";
import { imageWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Choices} Choices */

/**
 * @param {Actions} actions
 * @param {keyof Choices} choice
 * @param {string} name
 * @param {[value: string, text: string][]} options
 * @param {"look" | "teach" | null} mode  in which it is of use
 * @returns {Part}
 */
function control({ choose }, choice, name, options, mode) {
  const { node, show } = segments(name, name, options, (value) => choose(/** @type {Partial<Choices>} */ ({ [choice]: value })));
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.mode, s.choices[choice]], (s) => {
    node.hidden = mode !== null && s.choices.mode !== mode;
    show(String(s.choices[choice]));
  });
  return { node, update };
}

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part[]} */
export function controls(meta, actions) {
  const several = meta.n_images > 1;
  return [
    ...(several ? [control(actions, "basis", "Components of", [["batch", "All"], ["image", "Each"]], "look")] : []),
    control(actions, "colours", "Colours", [["components", "Components"], ["foreground", "Foreground"]], "look"),
    control(actions, "names", "Names", [["emoji", "Emoji and name"], ["none", "None"]], "teach"),
    control(actions, "tint", "Tint", [["class", "Class"], ["certainty", "Certainty"]], "teach"),
    control(actions, "mode", "Mode", [["look", "Look"], ["teach", "Teach"]], null),
  ];
}

/** All pictures, small; one of them is shown. @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part} */
export function pictureMenu(meta, { choose }) {
  const picks = imagePicks(meta, (image) => imageWords(meta, image), (image) => choose({ image }));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.data.pictures.small, s.ratio], ({ data, ratio }) => picks.draw((image) => data.pictures.thumb(image), ratio)),
    whenChanged((s) => [s.choices.image], ({ choices }) => picks.show(choices.image)),
  ];
  return { node: picks.node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}
