// How the mask is made, and what is shown of what is painted.
import { segments } from "../lib/controls.js";
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {Partial<import("./scene.js").Choices>} Change */

/** @param {Actions} actions @returns {Part} */
export function pasteControl({ choose }) {
  const box = element("input", "vl-checkbox", { type: "checkbox" });
  box.addEventListener("change", () => choose({ paste: box.checked }));
  const node = element("label", "vl-control vl-switch", { title: "Show the original's visible patches instead of what is painted over them" }, box, "Paste visible");
  return { node, update: whenChanged((/** @type {Scene} */ s) => [s.choices.paste], (s) => void (box.checked = s.choices.paste)) };
}

/** @param {Actions} actions @returns {Part} */
export function viewControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["picture", "Picture"], ["error", "Error"], ["wipe", "Wipe"]]);
  const { node, show } = segments("Large view", "Large view", words, (view) => choose(/** @type {Change} */ ({ view })));
  const first = node.querySelector("button");
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.view], ({ choices: { view } }) => {
    show(view);
    // The image and the mask are chosen at their names; the keyboard must still get in here.
    if (first && !words.some(([value]) => value === view)) first.tabIndex = 0;
  });
  return { node, update };
}

/** @param {Actions} actions @returns {Part} */
export function referenceControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["original", "Original"], ["final", "Final"]]);
  const { node, show } = segments("Error to", "Error to the original or to the final answer", words, (reference) =>
    choose(/** @type {Change} */ ({ reference })),
  );
  return { node, update: whenChanged((/** @type {Scene} */ s) => [s.choices.reference], (s) => show(s.choices.reference)) };
}
