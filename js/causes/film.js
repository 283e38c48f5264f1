// The same exchange in every state: panels in the columns of the layers, which are the slider.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { playButton } from "../lib/play_button.js";
import { drawTracks, listenToSlider, sliderNode } from "../lib/state_slider.js";
import { about } from "./shades.js";
import { drawState } from "./token_paint.js";
import { stateName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Of narrower columns some have a panel, as wide as they have room together. */
const SMALLEST = 32;

/** A state's name with its number, and what lies between two: px. */
const NAME = 54;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function film(meta, actions) {
  const play = playButton(actions.play);
  const title = element("h3", "vl-title", {}, "Before every block");
  const words = element("span", "vl-secondary", {}, "the same exchange, at each token of each state");
  const stops = Array.from({ length: meta.n_layers }, (_, layer) => stopOf(layer));
  const tracks = element("div", "vl-tracks", { "aria-hidden": "true" });
  const knob = element("div", "vl-knob");
  const slider = sliderNode(meta.n_layers, ...stops.map(({ node }) => node), tracks, knob);
  const band = element("div", "vl-band", { "aria-hidden": "true" });
  const strip = element("div", "vl-strip", {}, band, slider);
  const node = element("section", "vl-film vl-filmstrip", { "aria-label": "Before every block" }, element("div", "vl-head", {}, play.node, title, words), strip);
  listenToSlider(slider, meta.n_layers, (layer) => actions.choose({ layer }));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout, s.ratio], (s) => arrange(s, strip, stops)),
    whenChanged((s) => [s.layout, s.choices.layer], (s) => {
      showSome(s, stops);
      const { columns } = s.layout;
      const centre = (/** @type {number} */ layer) => ({ x: columns.center(layer), y: sizeOf(s).height + 14 });
      drawTracks(tracks, knob, { nStates: meta.n_layers, perRow: meta.n_layers, chosen: s.choices.layer, centre });
      Object.assign(band.style, { left: `${columns.left(s.choices.layer)}px`, width: `${columns.pitch}px` });
      setAttributes(slider, { "aria-valuenow": s.choices.layer, "aria-valuetext": stateName(s.choices.layer) });
      stops.forEach(({ panel, name }, layer) => [panel, name].forEach((one) => one.classList.toggle("vl-current", layer === s.choices.layer)));
    }),
    whenChanged((s) => [s.effects, s.pair, s.layout, s.ratio], (s) => stops.forEach(({ canvas }, layer) => drawState(canvas, s, layer))),
    whenChanged((s) => [s.effects, s.layout, s.choices.layer], (s) => stops.forEach((stop, layer) => name(stop, layer, s))),
    whenChanged((s) => [s.playing], (s) => play.show(s.playing)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {number} layer */
function stopOf(layer) {
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const panel = element("div", "vl-panel", {}, canvas);
  const name = element("div", "vl-panel-name");
  const value = element("div", "vl-panel-answer");
  return { node: element("div", "vl-stop", { "data-state": layer }, panel, name, value), canvas, panel, name, value };
}

/** @typedef {ReturnType<typeof stopOf>} Stop */

/** Of a panel, px. @param {Scene} scene */
function sizeOf(scene) {
  const { layout, meta } = scene;
  const { pitch } = layout.columns;
  const cell = pitch < SMALLEST ? stepOf(scene) * pitch - 6 : layout.columns.cell;
  const longer = Math.max(meta.rows, meta.cols);
  const whole = Math.floor(cell / longer);
  const side = whole * longer >= 0.7 * cell ? whole : cell / longer;
  return { width: Math.round(side * meta.cols), height: Math.round(side * meta.rows) };
}

/** @param {Scene} scene @param {HTMLElement} strip @param {Stop[]} stops */
function arrange(scene, strip, stops) {
  const { layout, ratio } = scene;
  const { width, height } = sizeOf(scene);
  strip.style.height = `${height + 62}px`;
  stops.forEach(({ node, canvas, panel }, layer) => {
    Object.assign(node.style, { transform: `translate(${layout.columns.center(layer) - 60}px, 0)`, width: "120px" });
    Object.assign(panel.style, { width: `${width}px`, height: `${height}px`, marginLeft: `${60 - width / 2}px` });
    setAttributes(canvas, { width: Math.max(1, Math.round(width * ratio)), height: Math.max(1, Math.round(height * ratio)) });
  });
}

/** Of narrow columns the chosen one has a panel, and of the others as many as have room beside it. @param {Scene} scene @param {Stop[]} stops */
function showSome({ layout, choices }, stops) {
  const step = stepOf({ layout });
  stops.forEach(({ panel }, layer) => {
    const hasRoom = layout.columns.pitch >= SMALLEST || isOneOf(layer, choices.layer, step);
    panel.style.visibility = hasRoom ? "" : "hidden"; // what stands under it stays there
  });
}

/** Whether a state is the chosen one, or one of every `step` that does not touch it. @param {number} layer @param {number} chosen @param {number} step */
export const isOneOf = (layer, chosen, step) => layer === chosen || (layer % step === 0 && Math.abs(layer - chosen) >= step);

/** Of so many states one has its name. @param {{ layout: { columns: { pitch: number } } }} scene */
export const stepOf = ({ layout }) => [1, 2, 4, 8].find((step) => step * layout.columns.pitch >= NAME) ?? 8;

/** @param {Stop} stop @param {number} layer @param {Scene} scene */
function name({ name: node, value }, layer, scene) {
  const { effects, tokens, choices, meta } = scene;
  const isNamed = isOneOf(layer, choices.layer, stepOf(scene));
  node.style.visibility = value.style.visibility = isNamed ? "" : "hidden";
  node.textContent = stateName(layer);
  const [first, effect] = tokens.nBefore ? [meta.prefix[0] ?? "", effects.token(layer, 0)] : ["patches", effects.group(layer)];
  const isTight = scene.layout.columns.pitch < 7 * (first.length + 8);
  fill(value, isTight ? "" : `${first} `, about(effect));
  setAttributes(value, { title: `${first}: share of the way` });
}
