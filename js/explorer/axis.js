// The axis of states: a slider whose stops stand over the columns of all rows.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { drawTracks, listenToSlider, sliderNode } from "../lib/state_slider.js";
import { labelledStates, stateWords } from "../lib/state_words.js";
import { centreAt, columnAt } from "./layout.js";

/** @typedef {import("./scene.js").Page} Page */

/** Height of the track's middle. */
const TRACK = 9;

/**
 * @param {string[]} names  of the states
 * @param {(page: Page) => { axis: import("./layout.js").Axis, chosen: number }} where
 * @param {(state: number) => void} choose
 */
export function axis(names, where, choose) {
  const stops = names.map((_, state) => element("div", "vl-stop", { "data-state": state, "aria-hidden": "true" }));
  const tracks = element("div", "vl-tracks");
  const knob = element("div", "vl-knob");
  const words = element("div", "vl-axis-names", { "aria-hidden": "true" });
  const slider = sliderNode(names.length, ...stops, tracks, knob, words);
  listenToSlider(slider, names.length, choose);
  const draw = whenChanged(
    (/** @type {Page} */ page) => [where(page).axis, where(page).chosen],
    (page) => {
      const { axis: columns, chosen } = where(page);
      stops.forEach((stop, state) => {
        Object.assign(stop.style, { left: `${columnAt(columns, state)}px`, width: `${columns.column}px` });
      });
      const centre = (/** @type {number} */ state) => ({ x: centreAt(columns, state), y: TRACK });
      drawTracks(tracks, knob, { nStates: names.length, perRow: names.length, chosen, centre });
      fill(words, ...labelledStates(names.length, chosen, columns.pitch, 48).map((state) => nameOf(names, state, chosen, centre(state).x)));
      setAttributes(slider, { "aria-valuenow": chosen, "aria-valuetext": stateWords(names[chosen] ?? "", chosen) });
    },
  );
  return { node: element("div", "vl-axis-slider", {}, slider), update: draw };
}

/** @param {string[]} names @param {number} state @param {number} chosen @param {number} x */
function nameOf(names, state, chosen, x) {
  const node = element("span", state === chosen ? "vl-current" : "", {}, names[state] ?? "");
  node.style.left = `${x}px`;
  return node;
}
