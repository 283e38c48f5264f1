// What stands over the two pictures.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

/** Which run is shown, where there are two. @type {Record<import("./scene.js").Choices["run"], string>} */
const RUNS = { edited: ", edited run", untouched: ", untouched run", difference: ", edited against untouched" };

/** @param {import("./scene.js").Meta} meta @returns {Part} */
export function answersTitle(meta) {
  const where = element("span", "vl-secondary");
  const title = element("h3", "vl-title", {}, meta.n_classes ? "Patch answers" : "Image");
  const node = element("div", "vl-head", {}, title, where);
  const update = whenChanged(
    (/** @type {Scenes} */ { page }) => [page.choices.layer, page.choices.run, page.data.edited === null],
    ({ page: { choices, data } }) => {
      const state = meta.n_classes ? `at ${meta.state_names[choices.layer]}` : "the model has no classifier to read patches with";
      where.textContent = `${state}${data.edited && meta.n_classes ? RUNS[choices.run] : ""}`;
    },
  );
  return { node, update };
}

/** @param {Part} direction @returns {Part} */
export function lookTitle(direction) {
  const title = element("h3", "vl-title");
  const node = element("div", "vl-head", {}, title, direction.node);
  const update = whenChanged((/** @type {Scenes} */ { attention: { what }, page: { layout } }) => [what, layout], ({ attention: { what }, page: { layout } }) =>
    fill(title, layout.narrow ? `Attention, L${what.layer} H${what.head}` : `Attention, layer ${what.layer}, head ${what.head}`),
  );
  return { node, update };
}

/** @returns {Part} */
export function headsTitle() {
  const run = element("span", "vl-secondary");
  const node = element("div", "vl-head", {}, element("h3", "vl-title", {}, "All heads"), run);
  const update = whenChanged((/** @type {Scenes} */ { page }) => [page.isEdited, page.data.areMapsOld], ({ page }) => {
    run.textContent = page.isEdited && !page.data.areMapsOld ? "edited run" : "";
  });
  return { node, update };
}
