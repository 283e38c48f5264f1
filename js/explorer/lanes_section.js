// The axis of states, and under it what every state answers.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { playButton } from "../lib/play_button.js";
import { axis } from "./axis.js";
import { tokenAnswers, originalImage } from "./answers_head.js";
import { firstAnswers } from "./answers_lanes.js";
import { curvesLane } from "./curves_lane.js";
import { namedPanels } from "./beside_lanes.js";
import { band } from "./lanes.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

/** @type {WeakMap<object, import("../patch_grid/layout.js").Layout>} */
const LISTS = new WeakMap();

/** The classes as a list, as they stand beside a picture. @param {Scenes} scenes @returns {Scenes} */
function besideImage(scenes) {
  const { layout } = scenes.grid;
  if (!LISTS.has(layout)) LISTS.set(layout, { ...layout, mode: "side" });
  return { ...scenes, grid: { ...scenes.grid, layout: LISTS.get(layout) ?? layout } };
}

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./assembly.js").Families} actions
 * @param {Part} classes
 * @returns {Part}
 */
export function stateLanes(meta, actions, classes) {
  const { own } = actions;
  const play = playButton(own.play);
  const choose = (/** @type {number} */ state) => own.choose({ state });
  const slider = axis(meta.state_names, ({ axis: columns, choices }) => ({ axis: columns, chosen: choices.state }), choose);
  const current = band();
  const hasAnswers = meta.n_classes > 0;
  const parts = [originalImage(meta), ...(hasAnswers ? [classes, namedPanels(meta, choose), tokenAnswers(meta), firstAnswers(meta, choose), curvesLane(meta, actions)] : [])];
  const [image, list, films, words, answers, curves] = parts.map(({ node }) => node);
  const head = element("div", "vl-head", {}, play.node, element("h3", "vl-title", {}, "States"), element("span", "vl-secondary", {}, "one axis for every view"));
  const node = element(
    "section",
    "vl-lanes",
    { "aria-label": "States" },
    element("div", "vl-lane vl-lane-axis", {}, head, slider.node),
    hasAnswers ? element("div", "vl-lane vl-lane-answered vl-patch-grid", { "data-mode": "side" }, element("div", "vl-lane-heads", {}, element("div", "vl-image-classes", {}, image, list), words), element("div", "vl-lane-rows", {}, films, answers, curves)) : null,
    hasAnswers ? element("div", "vl-lane-bands", {}, current.node) : null,
  );
  const drawings = [
    whenChanged((/** @type {Scenes} */ { page }) => [page.axis, page.choices.state], ({ page }) => current.place(page.axis, page.choices.state)),
    whenChanged(({ page }) => [page.playing], ({ page }) => play.show(page.playing)),
  ];
  const update = (/** @type {Scenes} */ scenes) => {
    drawings.forEach((draw) => draw(scenes));
    slider.update(scenes.page);
    for (const part of parts) part.update(part === classes ? besideImage(scenes) : scenes);
  };
  return { node, update };
}
