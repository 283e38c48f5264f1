// Exact numbers of what is pointed at, or else of the pinned patch, in a fixed place.
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { part, quiet, value as bold } from "../lib/readout.js";
import { rankAtMost } from "./bins.js";
import { classMark } from "./name_node.js";
import { activation, grouped, numberNames, numberText, share, shortName, signed, tokenName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function readout(meta) {
  const line = element("div", "vl-pair-line", { role: "status", "aria-live": "polite" });
  const keys = `${meta.n_images ? "arrows move · Enter pins · Esc lets go · 0 1 4 strength · " : ""}[ ] previous, next · / finds · Backspace goes back`;
  const node = element("div", "vl-pair", {}, line, element("span", "vl-hint vl-keys", {}, keys));
  const update = whenChanged((/** @type {Scene} */ s) => [s.pointed, s.value, s.passing, s.choices.token, s.id, s.arrived], (s) => fill(line, ...nodesOf(s)));
  return { node, update };
}

/** @param {Scene} scene */
function nodesOf(scene) {
  if (scene.pointed !== null) return ofFeature(scene, scene.pointed);
  if (scene.value !== null) return [part(symbol(false), bold(scene.words)), ...ofValue(scene, scene.value)];
  const token = scene.passing ?? scene.choices.token;
  const value = token === null ? undefined : scene.look("seen")?.arrays["values"]?.[token];
  if (token === null || !scene.meta.n_images) return ofFeature(scene, scene.id);
  const head = part(symbol(scene.passing === null), quiet("patch"), bold(tokenName(token, scene.meta)), quiet(`token ${token}`));
  return value === undefined ? [head, part(quiet(scene.canAsk ? "on its way" : "not on this page"))] : [head, ...ofValue(scene, value)];
}

/** @param {boolean} isPinned */
const symbol = (isPinned) => element("span", `vl-symbol ${isPinned ? "vl-pinned" : ""}`);

/** @param {Scene} scene @param {number} value */
function ofValue({ catalogue, id, look, meta }, value) {
  const largest = catalogue.number("largest", id);
  const sheet = look("sheet");
  const rank = sheet && value > 0 ? [part(quiet("rank at most"), bold(grouped(Math.max(1, rankAtMost(sheet.arrays["counts"], meta.edges, value)))), quiet(`of ${grouped(meta.n_patches)}`))] : [];
  const most = look("writes")?.said.up?.[0];
  const adds = most && value > 0 ? [part(quiet("writes"), element("span", "vl-emoji", { "aria-hidden": "true" }, most[1]), element("span", "vl-name", { title: most[0] }, most[0]), bold(signed(value * most[2])), quiet("here"))] : [];
  return [part(quiet("activation"), bold(activation(value))), part(quiet("of its largest"), bold(largest > 0 ? share(value / largest) : "–")), ...rank, ...adds];
}

/** @param {Scene} scene @param {number} id */
function ofFeature({ catalogue, meta, shares, choices, effect }, id) {
  const best = meta.labels[catalogue.best(id)];
  const named = meta.has_classes && best ? [part(quiet("fires for"), classMark(best), element("span", "vl-name", { title: best.name }, best.name))] : [];
  const numbers = numberNames(meta).map((name) => part(quiet(name === "selectivity" ? "AUC" : name), bold(numberText(name, catalogue.number(name, id)))));
  const fires = shares && choices.token !== null ? [part(quiet(`at ${tokenName(choices.token, meta)}`), bold(share(shares[id] ?? NaN)), quiet("of its largest"))] : [];
  const adds = effect?.arrays["numbers"]?.[id];
  const effects = adds === undefined ? [] : [part(quiet("effect"), bold(numberText("effect", adds)), quiet(`on ${effect?.said.asked}`))];
  return [part(symbol(false), bold(shortName(catalogue.of(id), meta))), ...named, ...numbers, ...effects, ...fires];
}
