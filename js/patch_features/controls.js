// The choices that change all views, and the pictures to choose from.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { imageControl } from "../lib/image_control.js";

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
    control(actions, "colours", "Colours", [["components", "Components"], ["foreground", "Foreground"], ["groups", "Groups"]], "look"),
    control(actions, "names", "Names", [["emoji", "Emoji and name"], ["none", "None"]], "teach"),
    control(actions, "tint", "Tint", [["class", "Class"], ["certainty", "Certainty"]], "teach"),
    control(actions, "mode", "Mode", [["look", "Look"], ["teach", "Teach"]], null),
  ];
}

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part | null} null where there is one image */
export const pictureMenu = (meta, { choose }) =>
  imageControl(meta, {
    choose: (image) => choose({ image: image ?? 0 }),
    chosenOf: (/** @type {Scene} */ s) => s.choices.image,
    smallOf: (s) => s.data.pictures,
  });
