// All states side by side, which is the state slider: each tick stands under its panel.
import { element, fill, setAttributes } from "../lib/dom.js";
import { firstLetters } from "../lib/labels.js";
import { probability } from "../lib/numbers.js";
import { whenChanged } from "../lib/changes.js";
import { drawTracks, listenToSlider, sliderNode } from "../lib/state_slider.js";
import { playButton } from "../lib/play_button.js";
import { labelledStates } from "../lib/state_words.js";
import { drawPanel, showsClasses } from "./panel.js";
import { thumbnail } from "../lib/thumbnail.js";
import { emojiNode } from "../lib/label_nodes.js";
import { imageWords, longestName, stateWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./reading.js").Reading} Reading */

/** Heights under a panel: down to the track, and the lines of text. */
const TRACK = 17;
const NAME = 16;
const ROW_GAP = 8;
/** By how much the image's caption may be wider than a small image. */
const CAPTION_OVERHANG = 20;

/**
 * @param {Reading} reading
 * @param {import("../lib/grounds.js").Grounds} grounds
 * @param {import("./scene.js").Actions} actions
 * @param {boolean} isSecond  under another one: image and play button stand there
 * @returns {import("./scene.js").Part}
 */
export function filmstrip(reading, grounds, actions, isSecond = false) {
  const play = playButton(actions.play);
  const title = element("h3", "vl-title", {}, "States");
  const where = element("span", "vl-secondary");
  const hint = element("span", "vl-hint");
  const head = element("div", "vl-head", {}, isSecond ? null : play.node, title, where, isSecond ? null : hint);
  const image = thumbnail(grounds, imageWords(reading), reading.meta.caption);
  const panels = Array.from({ length: reading.nStates }, (_, state) => panelParts(state));
  const tracks = element("div", "vl-tracks");
  const knob = element("div", "vl-knob");
  const slider = sliderNode(reading.nStates, ...panels.map(({ node }) => node), tracks, knob);
  const strip = element("div", "vl-strip", {}, image.node, slider);
  const node = element("section", "vl-filmstrip", { "aria-label": "States" }, head, strip);
  image.node.classList.toggle("vl-unseen", isSecond);
  listenToSlider(slider, reading.nStates, (state) => actions.choose({ state }));

  const drawings = [
    whenChanged((s) => [s.run.name, s.beside, s.isDifference], (s) => {
      title.textContent = titleOf(s);
      setAttributes(node, { "aria-label": titleOf(s) });
    }),
    whenChanged((s) => [s.grounds, s.reading], (s) => image.show(s.grounds, imageWords(s.reading), s.reading.meta.caption)),
    whenChanged((s) => [s.layout.strip, s.ratio, s.grounds], (s) => arrange(s, strip, image, panels)),
    whenChanged(
      (s) => [s.reading, s.layout.strip, s.ratio, s.tint, s.scale, s.glyph, s.columns, s.dark, s.changed],
      (s) => panels.forEach((panel, state) => drawThumb(panel.canvas, s, state)),
    ),
    whenChanged((s) => [s.reading, s.layout.strip, s.state], (s) => {
      where.textContent = isSecond ? "" : stateWords(reading, s.state);
      setAttributes(slider, { "aria-valuenow": s.state, "aria-valuetext": valueText(s.reading, s.state) });
      write(s, panels);
      drawFilmTracks(s, tracks, knob);
    }),
    whenChanged((s) => [s.layout.strip, s.tint, s.glyph], (s) => (hint.textContent = [hintOf(s), reading.kindWords].filter(Boolean).join(" · "))),
    whenChanged((s) => [s.playing], (s) => play.show(s.playing)),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** Which lens's they are, where there are several. @param {Scene} scene */
function titleOf({ runs, run, beside, isDifference }) {
  if (runs.length === 1) return "States";
  return isDifference ? `States: ${run.name} − ${beside?.name}` : `States by the ${run.name}`;
}

/** What the panels are, and what their colours say where these are not the large picture's. @param {Scene} scene */
function hintOf(scene) {
  if (showsClasses(scene, scene.layout.strip.cell)) return "colours: top class, as in the list";
  const areStates = scene.reading.meta.state_names.every((name) => name === "final" || name.endsWith("_pre"));
  return `each panel is the same image${areStates ? ", read after more blocks" : ""}`;
}

/** @param {Reading} reading @param {number} state */
function valueText(reading, state) {
  const { label, probability: p } = reading.answer(state, reading.readout);
  return `${stateWords(reading, state)}; readout: ${label.name} ${probability(p)}`;
}

/** @param {number} state */
function panelParts(state) {
  const canvas = element("canvas", "vl-canvas");
  const frame = element("div", "vl-panel", {}, canvas);
  const name = element("div", "vl-panel-name");
  const answer = element("div", "vl-panel-answer");
  return { node: element("div", "vl-stop", { "data-state": state, "aria-hidden": "true" }, frame, name, answer), canvas, frame, name, answer };
}

/** @typedef {ReturnType<typeof panelParts>} Panel */

/** @param {Scene} scene @param {HTMLElement} strip @param {import("../lib/thumbnail.js").Thumbnail} image @param {Panel[]} panels */
function arrange(scene, strip, image, panels) {
  const { strip: film } = scene.layout;
  const rowHeight = heightOf(film);
  image.node.hidden = film.image === null;
  if (film.image) {
    image.node.style.width = `${film.image.width}px`;
    image.node.style.setProperty("--vl-down", `${TRACK + 8}px`);
    image.node.style.setProperty("--vl-caption", `${film.image.width + CAPTION_OVERHANG}px`);
    image.draw(film.image.width, film.image.height, scene.ratio);
  }
  strip.style.height = `${film.lines * rowHeight - ROW_GAP}px`;
  panels.forEach(({ node, frame }, state) => {
    const { x, y } = corner(film, state);
    node.style.transform = `translate(${x}px, ${y}px)`;
    node.style.width = frame.style.width = `${film.panelWidth}px`;
    frame.style.height = `${film.panelHeight}px`;
  });
}

/** @param {import("./layout.js").Strip} film */
const answersShown = (film) => film.lines < 4;

/** @param {import("./layout.js").Strip} film */
const heightOf = (film) => film.panelHeight + TRACK + 8 + NAME + (answersShown(film) ? NAME : 0) + ROW_GAP;

/** @param {import("./layout.js").Strip} film @param {number} state */
const corner = (film, state) => ({
  x: film.left + (state % film.perRow) * film.pitch,
  y: Math.floor(state / film.perRow) * heightOf(film),
});

/** @param {HTMLCanvasElement} canvas @param {Scene} scene @param {number} state */
function drawThumb(canvas, scene, state) {
  const { panelWidth: width, panelHeight: height, cell } = scene.layout.strip;
  drawPanel(canvas, scene, state, { width, height, cell, large: false });
}

/** Widths of a letter and an emoji of the text under panels, px. */
const LETTER = 7;
const EMOJI = 19;

/** What of an answer fits under every panel, so that none touches the next. @param {Reading} reading @param {number} pitch */
function roomOf(reading, pitch) {
  const numbers = Array.from({ length: reading.nStates }, (_, state) => probability(reading.answer(state, reading.readout).probability));
  const sign = reading.hasEmoji ? EMOJI : 4 * LETTER;
  const number = sign + LETTER * Math.max(...numbers.map(({ length }) => length)) + 8;
  const { readout_name: who } = reading.meta;
  return { number: number <= pitch, who: who.length <= 4 && number + LETTER * who.length + 4 <= pitch };
}

/** Names of the states and the readout's answers, as much as there is room for. @param {Scene} scene @param {Panel[]} panels */
function write({ reading, state: chosen, layout }, panels) {
  const { pitch } = layout.strip;
  const named = new Set(labelledStates(reading.nStates, chosen, pitch, Math.max(44, LETTER * longestName(reading) + 8)));
  const roomFor = roomOf(reading, pitch);
  panels.forEach(({ frame, name, answer }, state) => {
    const current = state === chosen;
    frame.classList.toggle("vl-current", current);
    name.classList.toggle("vl-current", current);
    name.textContent = named.has(state) ? reading.stateName(state) : "";
    answer.hidden = !answersShown(layout.strip);
    const { label, probability: p } = reading.answer(state, reading.readout);
    const short = label.emoji ? emojiNode(label.emoji) : element("span", "", {}, firstLetters(label.brief, pitch >= 52 ? 4 : 2));
    fill(answer, roomFor.who ? element("span", "", {}, reading.meta.readout_name) : null, short, roomFor.number ? element("span", "", {}, probability(p)) : null);
  });
}
/** @param {Scene} scene @param {HTMLElement} tracks @param {HTMLElement} knob */
function drawFilmTracks({ reading, state: chosen, layout }, tracks, knob) {
  const film = layout.strip;
  /** @param {number} state */
  const centre = (state) => {
    const { x, y } = corner(film, state);
    return { x: x + film.panelWidth / 2, y: y + film.panelHeight + TRACK - 5 };
  };
  drawTracks(tracks, knob, { nStates: reading.nStates, perRow: film.perRow, chosen, centre });
}
