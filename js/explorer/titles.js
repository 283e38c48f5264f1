// What stands over the two pictures.
import { comingWords } from "../attention_maps/overview_note.js";
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

/** Which run is shown, where there are two. @type {Record<import("./scene.js").Choices["run"], string>} */
const RUNS = { edited: ", edited run", baseline: ", baseline run", difference: ", edited against baseline" };

/**
 * Which run's attention is shown, where there are two: the edited answers come before its attention.
 * @param {import("./scene.js").Page} page
 */
const runOfMaps = ({ data, isEdited }) => (isEdited ? (data.areMapsOld ? "baseline" : "edited run") : "");

/** @param {import("./scene.js").Meta} meta @returns {Part} */
export function answersTitle(meta) {
  const where = element("span", "vl-secondary");
  const title = element("h3", "vl-title", {}, meta.n_classes ? "Patch answers" : "Image");
  const node = element("div", "vl-head", {}, title, where);
  const update = whenChanged(
    (/** @type {Scenes} */ { page }) => [page.choices.state, page.choices.run, page.data.edited === null],
    ({ page: { choices, data } }) => {
      const state = meta.n_classes ? `at ${meta.state_names[choices.state]}` : "no classifier; vl.PatchFeatures(explorer.trace)";
      where.textContent = `${state}${data.edited && meta.n_classes ? RUNS[choices.run] : ""}`;
    },
  );
  return { node, update };
}

/** The title shares its line with the run and the switch of directions. @param {{ layer: number, head: number }} what @param {boolean} narrow @param {boolean} hasRun */
function lookWords({ layer, head }, narrow, hasRun) {
  if (!narrow && !hasRun) return `Attention, layer ${layer}, head ${head}`;
  return `${narrow && hasRun ? "" : "Attention, "}L${layer} H${head}`;
}

/** @param {Part} direction @returns {Part} */
export function lookTitle(direction) {
  const title = element("h3", "vl-title");
  const run = element("span", "vl-secondary");
  const node = element("div", "vl-head", {}, title, run, direction.node);
  const update = whenChanged((/** @type {Scenes} */ { attention: { what }, page }) => [what, page.layout, runOfMaps(page)], ({ attention: { what }, page }) => {
    run.textContent = runOfMaps(page);
    title.textContent = lookWords(what, page.layout.narrow, run.textContent !== "");
  });
  return { node, update };
}

/** @returns {Part} */
export function headsTitle() {
  const run = element("span", "vl-secondary");
  const node = element("div", "vl-head", {}, element("h3", "vl-title", {}, "All heads"), run);
  const update = whenChanged((/** @type {Scenes} */ { page, attention }) => [runOfMaps(page), attention.overview], ({ page, attention }) => {
    run.textContent = [runOfMaps(page), comingWords(attention.overview)].filter(Boolean).join(": ");
  });
  return { node, update };
}
