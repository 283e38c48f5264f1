// All states side by side, which is the state slider: each tick stands under its panel.
import { element, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { drawTracks, listenToSlider, sliderNode } from "../lib/state_slider.js";
import { placeRing, ring } from "../lib/patch_cells.js";
import { labelledStates, stateWords } from "../lib/state_words.js";
import { placeUnder } from "./brush.js";
import { pictureCanvas, put } from "./canvases.js";
import { places } from "./stills.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./layout.js").Strip} Strip */

/** Heights above and under a panel: its name, and down to the track's middle and end; under the last
 * row the track lies in the margin that the next part leaves. */
export const NAME = 20;
const TRACK = 20;
const END = 38;

/** @param {import("./painting.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function strip(meta, actions) {
  const panels = meta.state_names.map((_, state) => panelParts(state));
  const tracks = element("div", "vl-tracks");
  const knob = element("div", "vl-knob");
  const slider = sliderNode(panels.length, ...panels.map(({ node }) => node), tracks, knob);
  const node = element("div", "vl-strip", {}, slider);
  listenToSlider(slider, panels.length, (state) => actions.choose({ state }));
  listenToPassing(slider, panels, meta, actions);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], (s) => arrange(s.layout.strip, node, panels)),
    whenChanged((s) => [s.data.painting, s.choices.paste], ({ data, choices }) =>
      panels.forEach(({ canvas }, state) => put(canvas, data.painting.picture(state, choices.paste))),
    ),
    whenChanged((s) => [s.layout, s.choices.state, s.passing], (s) => {
      write(s, panels);
      const { state } = s.choices;
      setAttributes(slider, { "aria-valuenow": state, "aria-valuetext": stateWords(meta.state_names[state] ?? "", state) });
      const film = s.layout.strip;
      drawTracks(tracks, knob, { nStates: panels.length, perRow: film.perRow, chosen: state, centre: (state) => centre(film, state) });
    }),
    whenChanged((s) => [s.patch, s.layout], (s) =>
      panels.forEach(({ passing }) => placeRing(passing, s.patch, places(meta), s.layout.strip.panel.cell)),
    ),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {number} state */
function panelParts(state) {
  const canvas = pictureCanvas("vl-infilled");
  const passing = ring("vl-ring-passing");
  const frame = element("div", "vl-panel", {}, canvas, passing);
  const name = element("div", "vl-panel-name");
  return { node: element("div", "vl-stop", { "data-state": state, "aria-hidden": "true" }, name, frame), canvas, passing, frame, name };
}

/** @typedef {ReturnType<typeof panelParts>} Panel */

/** @param {Strip} film @param {HTMLElement} node @param {Panel[]} panels */
function arrange(film, node, panels) {
  node.style.height = `${film.lines * (NAME + film.panel.height + END) - END}px`;
  panels.forEach(({ node: stop, frame }, state) => {
    const { x, y } = corner(film, state);
    stop.style.transform = `translate(${x}px, ${y}px)`;
    stop.style.width = frame.style.width = `${film.panel.width}px`;
    frame.style.height = `${film.panel.height}px`;
    frame.style.setProperty("--vl-cell", `${film.panel.cell}px`);
  });
}

/** @param {Strip} film @param {number} state */
const corner = ({ panel, perRow, pitch }, state) => ({
  x: (state % perRow) * pitch,
  y: Math.floor(state / perRow) * (NAME + panel.height + END),
});

/** @param {Strip} film @param {number} state */
function centre(film, state) {
  const { x, y } = corner(film, state);
  return { x: x + film.panel.width / 2, y: y + NAME + film.panel.height + TRACK };
}

/** Names of the states, as much as there is room for. @param {Scene} scene @param {Panel[]} panels */
function write({ meta, choices, passing, layout }, panels) {
  const named = new Set(labelledStates(panels.length, choices.state, layout.strip.pitch));
  panels.forEach(({ frame, name }, state) => {
    const isCurrent = state === choices.state;
    for (const node of [frame, name]) node.classList.toggle("vl-current", isCurrent);
    frame.classList.toggle("vl-passing", state === passing && !isCurrent);
    name.textContent = named.has(state) ? (meta.state_names[state] ?? "") : "";
  });
}

/** Which state and patch are pointed at. @param {HTMLElement} slider @param {Panel[]} panels @param {{ rows: number, cols: number }} grid @param {import("./scene.js").Actions} actions */
function listenToPassing(slider, panels, grid, { pass }) {
  slider.addEventListener("pointermove", (event) => {
    const state = panels.findIndex(({ node }) => event.target instanceof Node && node.contains(event.target));
    const frame = panels[state]?.frame;
    if (!frame || slider.hasPointerCapture(event.pointerId)) return;
    const inFrame = event.target instanceof Node && frame.contains(event.target);
    const { row, col } = placeUnder(frame.getBoundingClientRect(), grid, event);
    pass(inFrame ? row * grid.cols + col : null, state);
  });
  slider.addEventListener("pointerleave", () => pass(null));
}
