// The legend of the tint, directly under its picture: the map as it looks on the picture's grey,
// numbers, and a mark at the pinned value.
import { colorAt } from "../lib/colormaps.js";
import { element, fill } from "../lib/dom.js";
import { ramp } from "../lib/ramp.js";
import { wordOf } from "../lib/numbers.js";
import { mapOpacity, onGrey } from "../lib/tinting.js";
import { whenChanged } from "../lib/changes.js";
import { isNamedByRegion } from "./glyphs.js";
import { needsTarget } from "./tints.js";
import { labelNode } from "../lib/label_nodes.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./tints.js").Scale} Scale */

/** What each tint says, in the words under the picture. @type {Record<import("./tints.js").TintName, string>} */
const WORDS = {
  probability: "tint: probability of ",
  logit: "tint: logit of ",
  rank: "tint: rank of ",
  entropy: "tint: entropy of the answer, in nats",
  kl: "tint: KL from the final answer, in nats",
  difference: "tint: KL from the baseline run, in nats",
  class: "tint: top class, coloured as in the list; lines run between different classes",
  none: "no tint: the image as the model saw it",
};

/** Where each class is a yes or a no. @type {Partial<typeof WORDS>} */
const WORDS_ALONE = {
  probability: `tint: ${wordOf("sigmoid")} of `,
  entropy: "tint: entropy of all classes' yes or no, in nats",
};

/** Of what, by which lens less by which; without colours of an order, the white corners alone. @param {Scene} scene */
function differenceWords(scene) {
  const { run, beside, quantity, tint, target } = scene;
  const corner = `white corner: ${beside?.name} answers otherwise`;
  if (tint !== "difference") return [`${wordsOf(scene)} · ${corner}`];
  const [of] = (wordsOf({ ...scene, tint: quantity })).replace("tint: ", "").split(", ");
  return [`${of}`, needsTarget(quantity) ? labelNode(target) : null, `: ${run.name} − ${beside?.name}`];
}

/** @param {Scene} scene */
const wordsOf = ({ tint, reading }) => (reading.alone ? WORDS_ALONE[tint] : undefined) ?? WORDS[tint];

/** @returns {import("./scene.js").Part} */
export function tintLegend() {
  const words = element("div", "vl-legend-words");
  const scale = ramp();
  const notes = element("div", "vl-legend-notes");
  const node = element("div", "vl-tint-legend", {}, words, scale.node, notes);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.tint, s.scale, s.columns, s.glyph, s.run.name, s.beside], (s) => {
      if (s.isDifference) fill(words, ...differenceWords(s));
      else fill(words, wordsOf(s), needsTarget(s.tint) ? labelNode(s.target) : null);
      scale.node.hidden = s.scale === null;
      node.classList.toggle("vl-no-scale", s.scale === null);
      if (s.scale) scale.draw(colorOnGrey(s.scale), s.scale.ticks);
    }),
    whenChanged((s) => [s.tint, s.scale, s.columns, s.glyph, s.token, s.state, s.layout], (s) => {
      const shown = scale.mark(pinnedPlace(s));
      const said = glyphWords(s).map((words) => element("div", "", {}, words));
      fill(notes, shown ? element("div", "", {}, element("span", "vl-marker-sign", {}, "▾"), " pinned token") : null, ...said);
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** The map as it looks on the picture's grey. @param {Scale} scale */
const colorOnGrey = (scale) => (/** @type {number} */ place) => onGrey(colorAt(scale.map, place), mapOpacity(scale.strength(place)));

/** @param {Scene} scene */
function glyphWords({ glyph, tint, reading, layout, isDifference }) {
  if (glyph === "none") return [];
  if (isNamedByRegion({ glyph, tint, reading }, layout.cell)) return [`${glyph === "emoji" ? "a sign" : "a name"} for each region`];
  if (tint === "difference") return [isDifference ? "signs where answers differ" : "new answers", ...(reading.hasBackground ? ["○ background"] : [])];
  return [glyph === "emoji" ? "fainter: less probable" : `number: ${wordOf(reading.meta.probabilities)}`];
}

/** @param {Scene} scene */
const pinnedPlace = ({ scale, token, state }) => (scale && token !== null ? scale.place(scale.value(state, token)) : NaN);
