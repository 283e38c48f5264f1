// Exact numbers of what is pointed at, or else of what is chosen, in a fixed place.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { probability } from "../lib/numbers.js";
import { part, quiet, value } from "../lib/readout.js";
import { strengthWords } from "./strengths.js";
import { cosine, effect, seedName, shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function readout(meta) {
  const line = element("div", "vl-pair-line", { role: "status", "aria-live": "polite" });
  const words = meta.n_heads ? "arrows: pictures · [ ] state · + − strength · S seed · W wipe" : "arrows: pictures · [ ] state · W wipe";
  const node = element("div", "vl-pair", {}, line, element("span", "vl-hint vl-keys", {}, words));
  const update = whenChanged(
    (/** @type {Scene} */ s) => [s.pointed, s.chosen, s.choices.strength, s.choices.seed, s.made, s.singles],
    (s) => fill(line, ...(s.pointed ? ofPointed(s, s.pointed) : ofChosen(s))),
  );
  return { node, update };
}

/** @param {Scene} scene @param {import("./scene.js").Spot} spot */
function ofPointed({ made, meta }, spot) {
  const isState = spot.column < 0;
  const seed = isState ? spot.seed : 0;
  const how = [isState ? "" : strengthWords(meta.strength), seedName(meta, seed)].filter(Boolean).join(", ");
  const head = [symbol(false), value(shortName(spot, meta)), quiet(how)];
  const picture = made.picture(spot, seed);
  if (!picture) {
    const turn = isState || spot.column === meta.n_heads ? "" : ` its turn: ${made.turn(spot)} of ${made.nHeads}`;
    return [part(...head), part(quiet(`still to come${turn && ";"}${turn}`)), ...ablation(made, spot)];
  }
  return [part(...head), ...numbers(picture, isState ? "" : made.rank(made.similarities, spot)), ...ablation(made, spot), ...naming(picture)];
}

/** @param {Scene} scene */
function ofChosen(scene) {
  const { chosen, choices, meta, made, single } = scene;
  const isState = chosen.column < 0;
  const how = [isState ? "" : strengthWords(choices.strength), seedName(meta, choices.seed)].filter(Boolean).join(", ");
  const head = part(symbol(true), value(shortName(chosen, meta)), quiet(how));
  const picture = single(chosen);
  const isOfTable = choices.strength === meta.strength && choices.seed === 0;
  const found = picture ? numbers(picture, isState || !isOfTable ? "" : made.rank(made.similarities, chosen)) : [part(quiet(scene.canAsk ? "on its way" : "not on this page"))];
  const other = isState ? null : single({ kind: "other image" });
  const from = other ? [part(quiet("same head, other image"), value(cosine(other.similarity)))] : [];
  return [head, ...found, ...from, ...ablation(made, chosen), ...(picture ? naming(picture) : [])];
}

/** @param {boolean} isPinned */
const symbol = (isPinned) => element("span", `vl-symbol ${isPinned ? "vl-pinned" : ""}`);

/** @param {import("./scene.js").Picture} picture @param {string} rank */
function numbers(picture, rank) {
  const before = Number.isNaN(picture.before) ? [] : [part(quiet("before decoding"), value(cosine(picture.before)))];
  return [part(quiet("similarity"), value(cosine(picture.similarity)), ...(rank ? [quiet("rank"), element("span", "", {}, rank)] : [])), ...before];
}

/** @param {import("./made.js").Made} made @param {import("./scene.js").Place} place */
function ablation(made, place) {
  const number = effect(made.effect(place));
  return number ? [part(quiet("ablation"), value(number), quiet("rank"), element("span", "", {}, made.rank(made.effects, place)))] : [];
}

/** @param {import("./scene.js").Picture} picture */
function naming({ named }) {
  if (!named) return [];
  const emoji = named.emoji ? element("span", "vl-emoji", { "aria-hidden": "true" }, named.emoji) : null;
  return [part(quiet("named"), emoji, element("span", "vl-name", { title: named.name }, named.name), value(probability(named.chance)))];
}
