// All states side by side, which is the state slider: components and similarity, or the class map.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { element, setAttributes } from "../lib/dom.js";
import { playButton } from "../lib/play_button.js";
import { drawTracks, listenToSlider, sliderNode } from "../lib/state_slider.js";
import { labelledStates } from "../lib/state_words.js";
import { drawClasses, drawColours, drawSimilar } from "./drawing.js";
import { shownGroups } from "./groups.js";
import { CURVE, agreementCurve, hasCurve } from "./held_out.js";
import { stateName, stateWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./layout.js").Film} Film */

const TRACK = 16;
const NAME = 17;
const BETWEEN = 8;
const ROW_GAP = 14;

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part} */
export function film(meta, actions) {
  const nStates = meta.state_names.length;
  const play = playButton(actions.play);
  const [title, where, hint] = [element("h3", "vl-title"), element("span", "vl-secondary"), element("span", "vl-hint vl-push")];
  const from = segments("Examples from", "Examples from", [["state", "each state"], ["final", "final"]], (examples_from) =>
    actions.choose({ examples_from: /** @type {"state" | "final"} */ (examples_from) }),
  );
  from.node.classList.add("vl-push");
  const head = element("div", "vl-head", {}, play.node, title, where, hint, from.node);
  const stops = Array.from({ length: nStates }, (_, state) => stop(state));
  const [tracks, knob] = [element("div", "vl-tracks"), element("div", "vl-knob")];
  const slider = sliderNode(nStates, ...stops.map(({ node }) => node), tracks, knob);
  const labels = rowLabels();
  const strip = element("div", "vl-strip", {}, ...labels.nodes, slider);
  const curve = agreementCurve();
  const node = element("section", "vl-filmstrip", { "aria-label": "States" }, head, strip, curve.node);
  listenToSlider(slider, nStates, (state) => actions.choose({ state }));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [showsComponents(s), shownGroups(s) === null, s.choices.mode, s.layout.film, hasSimilar(s)], (s) => arrange(s, strip, stops, labels)),
    whenChanged((s) => [showsComponents(s), s.choices.image, s.choices.colours, s.data.components, shownGroups(s), shownGroups(s) && s.grounds, s.layout.film, s.ratio, s.dark], (s) => {
      if (showsComponents(s)) stops.forEach(({ upper }, state) => drawColours(upper, s, state, { ...s.layout.film, large: false }));
    }),
    whenChanged((s) => [s.choices.mode, s.choices.image, s.choices.similarity, s.data.similar, s.grounds, s.layout.film, s.ratio, s.dark], (s) => {
      const of = { image: s.choices.image, grounds: s.grounds };
      if (s.choices.mode === "look" && s.data.similar) stops.forEach(({ lower }, state) => drawSimilar(lower, s, { ...of, state }, s.layout.film));
    }),
    whenChanged((s) => [s.choices.mode, s.choices.image, s.choices.tint, s.data.taught, s.grounds, s.layout.film, s.ratio, s.dark], (s) => {
      if (!showsComponents(s)) stops.forEach(({ upper }, state) => drawClasses(upper, s, state, { ...s.layout.film, large: false }));
    }),
    whenChanged((s) => [s.choices.mode, s.choices.state, s.choices.image, s.choices.examples_from, s.choices.colours, s.layout.film, s.data, hasSimilar(s)], (s) => {
      write(s, stops);
      drawFilmTracks(s, tracks, knob);
      setAttributes(slider, { "aria-valuenow": s.choices.state, "aria-valuetext": stateWords(meta, s.choices.state) });
    }),
    whenChanged((s) => [s.choices.mode, s.choices.state, s.layout.size, showsComponents(s)], (s) => {
      const teaches = !showsComponents(s);
      title.textContent = teaches ? "How it comes about" : "States";
      where.textContent = teaches ? "the same clicks, taught and asked in every state" : stateWords(meta, s.choices.state);
      hint.textContent = "each panel is the same image, read after more blocks";
      hint.hidden = teaches || s.layout.size === "stack";
      from.node.hidden = !teaches;
    }),
    whenChanged((s) => [s.choices.examples_from], (s) => from.show(s.choices.examples_from)),
    whenChanged((s) => [s.playing], (s) => play.show(s.playing)),
  ];
  return {
    node,
    update: (scene) => {
      drawings.forEach((draw) => draw(scene));
      if (scene.choices.mode === "teach") curve.update(scene);
      else curve.node.hidden = true;
    },
  };
}

/** Before a class is taught, the film is that of the components. @param {Scene} scene */
const showsComponents = ({ choices, data }) => choices.mode === "look" || data.taught.map.length === 0;

/** @param {Scene} scene */
const hasSimilar = ({ choices, data }) => choices.mode === "look" && data.similar !== null;

/** @param {number} state */
function stop(state) {
  const [upper, lower] = [element("canvas", "vl-canvas"), element("canvas", "vl-canvas")];
  const [over, under] = [element("div", "vl-frame", {}, upper), element("div", "vl-frame", {}, lower)];
  const panel = element("div", "vl-panel", {}, over, under);
  const [name, note] = [element("div", "vl-panel-name"), element("div", "vl-panel-answer")];
  const band = element("div", "vl-band");
  return { node: element("div", "vl-stop", { "data-state": state, "aria-hidden": "true" }, band, panel, name, note), panel, upper, lower, over, under, name, note, band };
}

/** @typedef {ReturnType<typeof stop>} Stop */

/** What each row of panels is, before the first of them. */
function rowLabels() {
  const [upper, lower, note] = ["components", "similarity", ""].map((text) => element("span", "vl-row-label vl-quiet", {}, text));
  return { nodes: [upper, lower, note].filter((node) => node !== undefined), upper, lower, note };
}

/** Height of one line of panels with its track and words. @param {Scene} scene */
function lineHeight(scene) {
  const { film } = scene.layout;
  return panelsHeight(film, hasSimilar(scene)) + TRACK + 9 + NAME * (hasNotes(scene) ? 2 : 1) + ROW_GAP;
}

/** Where there is a curve, it says what would stand under each panel. @param {Scene} scene */
const hasNotes = (scene) => showsComponents(scene) || !hasCurve(scene.layout.film);


/** @param {Film} film @param {boolean} two */
const panelsHeight = (film, two) => (two ? 2 * film.height + BETWEEN : film.height);

/** @param {Scene} scene @param {number} state */
function corner(scene, state) {
  const { film } = scene.layout;
  return { x: film.left + (state % film.perRow) * film.pitch, y: 4 + Math.floor(state / film.perRow) * lineHeight(scene) };
}

/** @param {Scene} scene @param {HTMLElement} strip @param {Stop[]} stops @param {ReturnType<typeof rowLabels>} labels */
function arrange(scene, strip, stops, labels) {
  const { film } = scene.layout;
  const [two, groups] = [hasSimilar(scene), shownGroups(scene)];
  strip.style.height = `${film.lines * lineHeight(scene) - ROW_GAP + 4}px`;
  stops.forEach(({ node, panel, over, under, band, upper }, state) => {
    const { x, y } = corner(scene, state);
    node.style.transform = `translate(${x}px, ${y}px)`;
    node.style.width = panel.style.width = `${film.width}px`;
    for (const frame of [over, under]) Object.assign(frame.style, { width: `${film.width}px`, height: `${film.height}px` });
    under.hidden = !two;
    under.style.marginTop = `${BETWEEN}px`;
    upper.classList.toggle("vl-pixelated", showsComponents(scene) && !groups);
    const wide = Math.min(film.pitch, film.width + 20);
    Object.assign(band.style, { left: `${(film.width - wide) / 2}px`, width: `${wide}px`, height: `${lineHeight(scene) - ROW_GAP + 8 + (hasNotes(scene) ? 0 : CURVE)}px` });
  });
  const shown = film.left > 0 && film.lines === 1;
  const places = /** @type {const} */ ([[labels.upper, film.height / 2, showsComponents(scene)], [labels.lower, 1.5 * film.height + BETWEEN, two], [labels.note, panelsHeight(film, two) + TRACK + 13 + 1.5 * NAME, showsComponents(scene)]]);
  for (const [label, y, isThere] of places) {
    if (!label) continue;
    label.hidden = !shown || !isThere;
    label.style.top = `${y - 4}px`;
  }
  if (labels.upper) labels.upper.textContent = groups ? "groups" : "components";
  if (labels.note) labels.note.textContent = groups ? "as in final" : "variance";
}

/** Names of the states, and a number under each. @param {Scene} scene @param {Stop[]} stops */
function write(scene, stops) {
  const { data, choices, layout } = scene;
  const { meta } = data;
  const named = new Set(labelledStates(meta.state_names.length, choices.state, layout.film.pitch, 48));
  stops.forEach(({ node, panel, name, note }, state) => {
    const current = state === choices.state;
    for (const one of [node, panel, name]) one.classList.toggle("vl-current", current);
    name.textContent = named.has(state) ? stateName(meta, state) : "";
    note.hidden = !hasNotes(scene);
    note.textContent = named.has(state) ? noteOf(scene, state) : "";
  });
}

/** @param {Scene} scene @param {number} state */
function noteOf(scene, state) {
  const { data, choices, layout } = scene;
  const groups = shownGroups(scene);
  if (showsComponents(scene) && groups) return groups.asFinal(state, choices.image).toFixed(2);
  if (showsComponents(scene)) return data.components.shares(state, choices.image).reduce((sum, one) => sum + one, 0).toFixed(2);
  const { right, of } = data.taught.agreement(choices.examples_from, state);
  return hasCurve(layout.film) || of === 0 || data.taught.nTaught < 2 ? "" : `${right} of ${of}`;
}

/** @param {Scene} scene @param {HTMLElement} tracks @param {HTMLElement} knob */
function drawFilmTracks(scene, tracks, knob) {
  const { film } = scene.layout;
  /** @param {number} state */
  const centre = (state) => {
    const { x, y } = corner(scene, state);
    return { x: x + film.width / 2, y: y + panelsHeight(film, hasSimilar(scene)) + TRACK };
  };
  drawTracks(tracks, knob, { nStates: scene.data.meta.state_names.length, perRow: film.perRow, chosen: scene.choices.state, centre });
}
