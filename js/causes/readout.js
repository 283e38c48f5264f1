// Exact numbers of what is pointed at, or else of what is chosen, in a fixed place.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { decimal, probability } from "../lib/numbers.js";
import { part, quiet, value } from "../lib/readout.js";
import { said } from "./attribution.js";
import { baseOf } from "./pair.js";
import { share } from "./shades.js";
import { longName, noGap, stateName, valuesName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @returns {import("./scene.js").Part} */
export function readout() {
  const line = element("div", "vl-pair-line", { role: "status", "aria-live": "polite" });
  const keys = element("span", "vl-hint vl-keys", {}, "arrows move · Enter pins, then exchanges · [ ] layer · x takes out · Esc lets go");
  const node = element("div", "vl-causes-readout", {}, line, keys);
  const update = whenChanged((/** @type {Scene} */ s) => [s.passing, s.row, s.choices.layer, s.choices.token, s.effects, s.classes], (s) => fill(line, ...words(s)));
  return { node, update };
}

/** @param {Scene} scene */
function words(scene) {
  const { passing, row, choices, effects, rows, tokens } = scene;
  if (passing !== null && "step" in passing) return ofStep(scene, passing.step);
  if (passing !== null && "token" in passing) return ofToken(scene, passing.token, choices.token === passing.token);
  const of = passing ?? { row, layer: choices.layer };
  const isChosen = of.row === row && of.layer === choices.layer;
  const effect = effects.part(of.layer, rows.indexOf(of.row));
  const { rank, of: count } = typeof of.row === "number" ? effects.rank(of.layer, of.row) : { rank: 0, of: 0 };
  const heads = effects.sizes.nLayers * effects.sizes.nHeads;
  const direct = scene.writes.direct[of.layer * rows.length + rows.indexOf(of.row)];
  const written = direct === undefined ? null : part(quiet("writes directly"), value(`${direct < 0 ? "" : "+"}${decimal(direct)}`), quiet("logits"));
  const ranked = rank && !Number.isNaN(effect.share) ? part(quiet("rank"), value(`${rank} of ${count} heads`), ...(count < heads ? [quiet("so far")] : [])) : null;
  const rest = passing === null && choices.token !== null && tokens.position(choices.token) !== null ? ofToken(scene, choices.token, true).slice(0, 2) : [];
  return [symbol(isChosen, longName(of.row, of.layer), of.row === "mlp" ? "" : valuesName(effects.of.values)), ...numbers(scene, effect, [ranked, written]), ...rest];
}

/** @param {boolean} isChosen @param {string} name @param {string} more */
const symbol = (isChosen, name, more) => element("span", "vl-part vl-where", {}, element("span", `vl-symbol ${isChosen ? "vl-pinned" : ""}`), value(name), more ? quiet(more) : null);

/** What a step of the sum adds. @param {Scene} scene @param {number} step */
function ofStep({ writes, classes, effects, meta, columns }, step) {
  const { target, against } = effects.of;
  const one = (/** @type {number} */ index, /** @type {number} */ at) => ({ label: classes.label(index), color: "", logits: writes.logits[at] ?? [] });
  const both = { target: one(target, 0), against: against === null ? null : one(against, 1) };
  const words = said({ columns, ...both, readout: meta.readout, layer: null, passing: step, pinned: null }, step);
  return words.map(([name, number]) => part(quiet(name), value(number)));
}

/** @param {Scene} scene @param {number} token @param {boolean} isChosen */
function ofToken(scene, token, isChosen) {
  const { tokens, effects, choices } = scene;
  const position = tokens.position(token);
  const where = symbol(isChosen, tokens.describe(token), `token ${token} of ${stateName(choices.layer)}`);
  return position === null ? [where, part(quiet("not in the sequence"))] : [where, ...numbers(scene, effects.token(choices.layer, position), [])];
}

/** @param {Scene} scene @param {import("./effects.js").Effect} effect @param {(HTMLElement | null)[]} more */
function numbers({ effects, classes, pair }, { share: exact, estimate, target, against, top, topProbability }, more) {
  if (Number.isNaN(exact) && Number.isNaN(estimate)) return [part(quiet(`no share of the way: ${noGap(effects.ends)}`))];
  if (Number.isNaN(exact)) return [part(quiet("not exchanged yet; the gradient says"), value(share(estimate))), ...more.filter((one) => one !== null)];
  const before = pair.probabilities[baseOf(effects.of.direction)];
  const changed = (/** @type {number | null} */ index, /** @type {number} */ after) =>
    index === null ? [] : [part(quiet(classes.label(index).name), value(`${probability(before?.[index] ?? NaN)} → ${probability(after)}`))];
  const { of } = effects;
  const other = top !== of.target && top !== of.against ? [part(quiet(`then ${classes.label(top).name}`), value(probability(topProbability)))] : [];
  return [part(quiet("of the way"), value(share(exact))), ...more.filter((one) => one !== null), part(quiet("gradient said"), value(share(estimate))), ...changed(of.target, target), ...changed(of.against, against), ...other];
}
