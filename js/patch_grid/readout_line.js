// Exact values of the token pointed at, or else of the pinned one, in a fixed place under the
// picture: a floating tooltip would hide the neighbours one compares with.
import { element, fill } from "../lib/dom.js";
import { emojiNode } from "../lib/label_nodes.js";
import { line, name, part, quiet, value } from "../lib/readout.js";
import { decimal, probability } from "../lib/numbers.js";
import { whenChanged } from "../lib/changes.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HINT = "Point at a patch to read its numbers; click to pin it.";

/** @returns {import("./scene.js").Part} */
export function readoutLine() {
  const node = element("div", "vl-readout", { role: "status", "aria-live": "polite" });
  const update = whenChanged(
    (s) => [s.passing, s.token, s.reading, s.state, s.columns, s.quantity, s.scale, s.layout],
    (scene) => {
      const token = scene.passing ?? scene.token;
      if (token === null) return fill(node, line(element("span", "vl-hint", {}, HINT)));
      if (!scene.reading.isKnown(scene.state, token)) return fill(node, line(wherePart(scene, token), coming()));
      fill(node, line(...answerParts(scene, token)), line(targetPart(scene, token), ...measureParts(scene, token)));
    },
  );
  return { node, update };
}

/** Which token, and its most probable class. @param {Scene} scene @param {number} token */
function answerParts(scene, token) {
  const { reading, state } = scene;
  const { label, probability: p } = reading.answer(state, token);
  return [
    wherePart(scene, token),
    part(emojiNode(label.emoji), name(label.name), value(probability(p, 3)), reading.alone && quiet(reading.kindWords)),
  ];
}

/** @param {Scene} scene @param {number} token */
function wherePart({ reading, token: pinned }, token) {
  const symbol = element("span", `vl-symbol ${pinned === token ? "vl-pinned" : ""}`);
  return element("span", "vl-part vl-where", {}, symbol, reading.describe(token));
}

/** In the place of numbers that are on their way. */
export const coming = () => part(quiet("…"));

/** @param {Scene} scene @param {number} token */
function targetPart({ reading, state, columns, target }, token) {
  const p = reading.probability(columns, state, token);
  const rank = Number.isNaN(p) ? "" : `rank ${columns.rank[reading.at(state, token)]}`;
  return part(quiet("target"), name(target.name), value(probability(p, 3)), rank);
}

/** From this width on there is room for two measures; on a narrower line the tint's own comes. */
const WIDE = 400;

/** How sure the token is and how far from the final answer; the quantity of the tint comes first. @param {Scene} scene @param {number} token */
function measureParts({ reading, state, columns, quantity, isDifference, scale, layout }, token) {
  const entropy = part(quiet("entropy"), value(decimal(reading.entropy(state, token))), quiet("nats"));
  const kl = part(quiet("KL"), value(decimal(reading.kl(state, token))), quiet("nats"));
  const logit = part(quiet("logit"), value(decimal(columns.logit[reading.at(state, token)] ?? NaN)));
  const difference = isDifference && scale ? [part(quiet("difference"), value(scale.write(scale.value(state, token))))] : [];
  const measures = [...difference, ...(quantity === "logit" ? [logit, entropy] : quantity === "kl" ? [kl, entropy] : [entropy, kl])];
  return measures.slice(0, layout.leftWidth >= WIDE ? 2 : 1);
}
