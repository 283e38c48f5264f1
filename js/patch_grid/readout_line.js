// Exact values of the token pointed at, or else of the pinned one, in a fixed place under the
// picture: a floating tooltip would hide the neighbours one compares with.
import { element, fill } from "../lib/dom.js";
import { decimal, probability } from "../lib/numbers.js";
import { whenChanged } from "../lib/changes.js";
import { emojiNode } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HINT = "Point at a patch to read its numbers; click to pin it.";

/**
 * @param {import("./reading.js").Reading} reading
 * @returns {import("./scene.js").Part}
 */
export function readoutLine(reading) {
  const node = element("div", "vl-readout", { role: "status", "aria-live": "polite" });
  const update = whenChanged(
    (s) => [s.passing, s.token, s.layer, s.columns],
    (scene) => {
      const token = scene.passing ?? scene.token;
      if (token === null) return fill(node, line(element("span", "vl-hint", {}, HINT)));
      fill(node, line(...answerParts(scene, token)), line(...measureParts(scene, token, reading)));
    },
  );
  return { node, update };
}

/** Which token, and its most probable class. @param {Scene} scene @param {number} token */
function answerParts({ reading, layer, token: pinned }, token) {
  const { label, probability: p } = reading.answer(layer, token);
  const symbol = element("span", `vl-symbol ${pinned === token ? "vl-pinned" : ""}`);
  return [
    element("span", "vl-part vl-where", {}, symbol, reading.describe(token)),
    part(emojiNode(label.emoji), name(label.name), value(probability(p, 3))),
  ];
}

/** The target's numbers, and how sure and how far from the final answer the token is. @param {Scene} scene @param {number} token @param {import("./reading.js").Reading} reading */
function measureParts({ layer, columns, target }, token, reading) {
  const at = reading.at(layer, token);
  const asked = reading.probability(columns, layer, token);
  const rank = Number.isNaN(asked) ? "" : `rank ${columns.rank[at]}`;
  return [
    part(quiet("target"), name(target.name), value(probability(asked, 3)), rank, quiet(`logit ${decimal(columns.logit[at] ?? NaN)}`)),
    part(quiet("entropy"), value(decimal(reading.entropy(layer, token)))),
    part(quiet("KL"), value(decimal(reading.kl(layer, token))), quiet("nats")),
  ];
}

/** @param {...import("../lib/dom.js").Child} children */
const line = (...children) => element("div", "vl-readout-line", {}, ...children);

/** @param {...import("../lib/dom.js").Child} children */
const part = (...children) => element("span", "vl-part", {}, ...children);

/** @param {string} text */
const value = (text) => element("b", "vl-value", {}, text);

/** @param {string} text */
const quiet = (text) => element("span", "vl-quiet", {}, text);

/** @param {string} text */
const name = (text) => element("span", "vl-name", { title: text }, text);
