// The states from left to right, a row for each seed; under them what a classifier sees.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { pictureCanvas, put } from "./canvas.js";
import { fillBar, isSame, paint, place, say, tile } from "./tiles.js";
import { cosine, readWords, seedName, stateName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const BETWEEN = 4;
const NAMES = 20;
const NAMED = 20;
const INPUT = 76;
const SEEDS = 18;
/** A name takes so much room at least, px. */
const LETTERS = 22;
/** A classifier that is less sure than this in the mean does not know these pictures. */
const SURE = 0.5;

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function strip(meta) {
  const tiles = meta.seeds.flatMap((_, seed) => meta.state_names.map((_name, layer) => tile({ layer, column: -1, seed })));
  for (const one of tiles) fillBar(one, NaN);
  const input = pictureCanvas("vl-input", "the input, as the model saw it");
  const seeds = meta.seeds.map((_, seed) => seedName(meta, seed)).join(", ");
  const words = element("span", "vl-hint vl-seed-names", { title: seeds }, meta.seeds.length > 1 ? seeds : "");
  const named = element("span", "vl-quiet vl-named-word", { title: `what ${meta.judge_name} sees; fainter: less sure` }, "named");
  const gutter = element("div", "vl-gutter", {}, element("span", "vl-quiet", {}, "input"), input, words, named);
  const names = element("div", "vl-state-names", { "aria-hidden": "true" });
  const seen = element("div", "vl-seen", { "aria-hidden": "true" });
  const area = element("div", "vl-area vl-strip", { role: "group", "aria-label": "States, a row for each seed" }, gutter, names, ...tiles.map(({ node }) => node), seen);
  const title = element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "States"), element("span", "vl-hint", {}, readWords(meta)));
  const node = element("section", "vl-states", { "aria-label": "States" }, title, area);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], ({ layout }) => {
      for (const one of tiles) place(one, layout.left + one.spot.layer * layout.pitch, NAMES + one.spot.seed * (layout.cell.height + BETWEEN), layout.cell);
      const [height, width] = meta.input_size;
      const rows = meta.seeds.length * (layout.cell.height + BETWEEN) - (meta.seeds.length > 1 ? SEEDS : BETWEEN);
      const scale = Math.min(INPUT / width, rows / height);
      input.style.width = `${Math.round(scale * width)}px`;
      input.style.height = `${Math.round(scale * height)}px`;
    }),
    whenChanged((s) => [s.made], (s) => {
      put(input, s.made.input);
      for (const one of tiles) paint(one, s.made.picture(one.spot, one.spot.seed), "");
    }),
    whenChanged((s) => [s.layout, s.made], (s) => {
      const isNamed = isSure(s);
      named.hidden = seen.hidden = !isNamed;
      const rows = NAMES + meta.seeds.length * (s.layout.cell.height + BETWEEN);
      area.style.height = `${rows + (isNamed ? NAMED : 0)}px`;
      seen.style.top = named.style.top = `${rows}px`;
      fill(seen, ...(isNamed ? meta.state_names.map((_, state) => namesAt(s, state)) : []));
    }),
    whenChanged((s) => [s.layout, s.choices.state], (s) => fill(names, ...meta.state_names.map((_, state) => nameAt(s, state)))),
    whenChanged((s) => [s.made, s.choices.state, s.choices.seed, s.choices.show], (s) => {
      for (const one of tiles) say(one, spoken(s, one.spot), s.choices.show === "state" && s.choices.state === one.spot.layer && s.choices.seed === one.spot.seed);
    }),
    whenChanged((s) => [s.pointed], (s) => tiles.forEach((one) => one.node.classList.toggle("vl-pointed", isSame(one.spot, s.pointed)))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene @param {number} state */
function nameAt({ layout, choices, meta }, state) {
  const every = Math.ceil(26 / layout.pitch);
  const isOn = choices.state === state;
  const last = meta.state_names.length - 1;
  const isShown = isOn || (state % every === 0 && Math.abs(state - choices.state) >= every && (state === last || last - state >= every)) || state === last;
  const node = element("span", `vl-state-name ${isOn ? "vl-current" : ""}`, {}, isShown ? stateName(meta, state, layout.cell.width) : "");
  node.style.left = `${layout.left + state * layout.pitch + layout.cell.width / 2}px`;
  return node;
}

/** The mean probability of what is named, once there is anything. @param {Scene} scene */
function isSure({ meta, made, layout }) {
  if (!meta.judge_name || layout.cell.width < meta.seeds.length * LETTERS) return false;
  const chances = meta.state_names.flatMap((_, layer) => meta.seeds.map((_s, seed) => made.named({ layer, column: -1 }, seed)?.chance ?? NaN)).filter((chance) => !Number.isNaN(chance));
  return chances.length > 0 && chances.reduce((sum, chance) => sum + chance, 0) / chances.length >= SURE;
}

/** @param {Scene} scene @param {number} state */
function namesAt({ layout, made, meta }, state) {
  const names = meta.seeds.map((_, seed) => made.named({ layer: state, column: -1 }, seed));
  const marks = names.map((named) => {
    if (!named) return null;
    const mark = element("span", named.emoji ? "vl-emoji" : "vl-seen-letters", {}, named.emoji || named.name.slice(0, 3));
    mark.style.opacity = String(0.25 + 0.75 * named.chance);
    return mark;
  });
  const node = element("span", "vl-seen-state", {}, ...marks);
  node.style.left = `${layout.left + state * layout.pitch}px`;
  node.style.width = `${layout.cell.width}px`;
  return node;
}

/** @param {Scene} scene @param {import("./scene.js").Spot} spot */
function spoken({ made, meta }, spot) {
  const picture = made.picture(spot, spot.seed);
  const name = `State ${meta.state_names[spot.layer]}, ${seedName(meta, spot.seed)}`;
  return picture ? `${name}, similarity to the input ${cosine(picture.similarity)}` : `${name}, still to come`;
}
