// Every state's answers by the lens that is shown, and under them those by the one it is compared
// with, each under the name of its lens.
import { element } from "../lib/dom.js";
import { panels } from "./answers_lanes.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

/** @param {import("./scene.js").Meta} meta @param {(state: number) => void} choose @returns {Part} */
export function namedPanels(meta, choose) {
  const [own, other] = [panels(meta, choose), panels(meta, choose)];
  const names = [own, other].map(() => element("div", "vl-lane-name vl-secondary", { hidden: true }));
  const [name, second] = names;
  const node = element("div", "vl-lane-films", {}, name, own.node, second, other.node);
  const update = (/** @type {Scenes} */ scenes) => {
    const { run, beside, isDifference } = scenes.grid;
    const under = isDifference ? null : beside;
    own.update(scenes);
    say(name, under ? run.name : isDifference ? `${run.name} − ${beside?.name}` : "");
    say(second, under?.name ?? "");
    other.node.hidden = under === null;
    if (under) other.update(ofRun(scenes, under));
  };
  return { node, update };
}

/** @param {HTMLElement | undefined} node @param {string} words */
function say(node, words) {
  if (!node) return;
  node.hidden = words === "";
  node.textContent = words;
}

/** @param {Scenes} scenes @param {import("../patch_grid/runs.js").Run} run @returns {Scenes} */
const ofRun = (scenes, run) => ({
  ...scenes,
  grid: { ...scenes.grid, run, reading: run.reading, columns: run.columns, scale: scenes.grid.scaleFor(run), changed: null },
});
