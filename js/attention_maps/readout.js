// Exact numbers of the pair looked at, in a fixed place: a floating tooltip would hide the
// neighbours one compares with.
import { element, fill, icon } from "../lib/dom.js";
import { emojiNode } from "../lib/label_nodes.js";
import { whenChanged } from "../lib/changes.js";
import { decimal, probability, wordOf } from "../lib/numbers.js";
import { part, quiet, value } from "../lib/readout.js";
import { quantityOf } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const PIN = "M9.5 2 14 6.5l-2.6.7-2.6 2.6-.5 2.9-5-5 2.9-.5 2.6-2.6zM5.8 10.2 2 14";
const HINT = "Point at a cell, a patch or CLS to read its numbers; click to pin.";

/** @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function readout(actions) {
  const line = element("div", "vl-pair-line", { role: "status", "aria-live": "polite" });
  const neurons = element("button", "vl-button", { type: "button" }, "Neurons");
  let isOpen = false;
  neurons.addEventListener("click", () => actions.openNeurons(!isOpen));
  const node = element("div", "vl-pair", {}, line, neurons);
  const drawings = [
    whenChanged(
      (/** @type {Scene} */ s) => [s.pair, s.pinned, s.what, s.arrivals, s.picture],
      (s) => fill(line, ...(s.pair.query === null && s.pair.key === null ? [] : parts(s)), s.isResting ? element("span", "vl-hint", {}, hintFor(s)) : null),
    ),
    whenChanged((s) => [s.pinned, s.neurons, s.what], (s) => {
      isOpen = s.neurons !== null;
      const reason = whyNoNeurons(s);
      neurons.disabled = reason !== "" && !isOpen;
      neurons.title = reason || "What each dimension of the head adds to the pinned pair’s score";
      neurons.setAttribute("aria-expanded", String(isOpen));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
const hintFor = ({ tokens }) => (tokens.nPrefix ? HINT.replace("CLS", tokens.prefix[0] ?? "CLS") : HINT.replace(", a patch or CLS", " or a patch"));

/** Why the neurons cannot be shown; empty when they can. @param {Scene} scene */
export function whyNoNeurons({ pinned, what, canAsk, meta }) {
  if (meta.knows_scores === false) return "Weights alone were given: their neurons are not known";
  if (!canAsk) return "This page has no kernel to compute neurons";
  if (what.show !== "head") return "A mean or rollout has no neurons: show one head";
  if (what.image === null) return "The mean over images has no neurons: choose one image";
  return pinned.query === null || pinned.key === null ? "Pin a query and a key first" : "";
}

/** @param {Scene} scene */
function parts(scene) {
  const { pair } = scene;
  return [
    tokenPart(scene, "query", pair.query),
    element("span", "vl-arrow", { role: "img", "aria-label": "attends to" }, "→"),
    tokenPart(scene, "key", pair.key),
    ...(pair.query !== null && pair.key !== null ? numbers(scene, pair.query, pair.key) : []),
  ];
}

/** @param {Scene} scene @param {"query" | "key"} role @param {number | null} token */
function tokenPart({ tokens, pinned, picture, choices, meta }, role, token) {
  if (token === null) return part(quiet(`${role} –`));
  const isPinned = pinned[role] === token;
  const symbol = isPinned ? element("span", "vl-pin", {}, icon(PIN)) : element("span", "vl-symbol");
  const answer = picture.answer(choices.layer, tokens.position(token) ?? 0);
  const said = answer ? [emojiNode(answer.label.emoji), element("span", "vl-name", { title: answer.label.name }, answer.label.name), quiet(probability(answer.probability)), meta.probabilities === "sigmoid" && quiet(wordOf(meta.probabilities))] : [];
  const number = tokens.place(token) ? quiet(`token ${token}`) : null;
  return element("span", "vl-part vl-pair-token", { title: isPinned ? `pinned ${role}` : role }, symbol, quiet(role), value(tokens.describe(token)), number, ...said);
}

/**
 * @param {Pick<Scene, "tokens" | "what" | "meta"> & { exact: Pick<Scene["exact"], "row" | "value" | "missing"> }} scene
 * @param {number} query
 * @param {number} key
 */
export function numbers({ tokens, exact, what, meta }, query, key) {
  const [row, col] = [tokens.position(query) ?? 0, tokens.position(key) ?? 0];
  const shown = quantityOf(what);
  const all = shown === "rollout" ? ["rollout"] : meta.knows_scores === false ? ["pattern"] : ["pattern", "score"];
  const line = exact.row(what, row);
  const values = all.map((quantity) => {
    const found = exact.value({ ...what, kind: quantity === "score" ? "scores" : "pattern" }, row, col);
    return part(quiet(quantity), value(found === null ? exact.missing : quantity === "score" ? decimal(found) : probability(found, 4)));
  });
  const rank = line ? `${rankOf(line, col)} of ${meta.tokens.length}` : exact.missing;
  const uniform = shown === "pattern" ? part(quiet("if uniform"), value(probability(1 / meta.tokens.length, 4))) : null;
  return [...values, part(quiet("rank"), value(rank)), uniform];
}

/** 1 for the largest; equal weights share the best rank. @param {Float32Array} line @param {number} at */
function rankOf(line, at) {
  const own = line[at] ?? NaN;
  return Number.isNaN(own) ? "–" : 1 + line.reduce((larger, other) => larger + Number(other > own), 0);
}
