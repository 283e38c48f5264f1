// Exact numbers of the token pointed at, or else of the pinned one, in a fixed place.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { probability } from "../lib/numbers.js";
import { part, quiet, value } from "../lib/readout.js";
import { rankOf } from "./maps.js";
import { mapTitle, relevance } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const HINT = "Point at a patch to read its relevance; click to pin it.";

/** @returns {import("./scene.js").Part} */
export function readout() {
  const line = element("div", "vl-pair-line", { role: "status", "aria-live": "polite" });
  const keys = element("span", "vl-hint vl-keys", {}, "arrows move · Enter pins · [ ] layer · Esc lets go");
  const node = element("div", "vl-pair", {}, line, keys);
  const update = whenChanged((/** @type {Scene} */ s) => [s.token, s.choices.token, s.maps, s.what, s.classes], (s) =>
    fill(line, ...(s.token === null ? [element("span", "vl-hint", {}, HINT)] : parts(s, s.token))),
  );
  return { node, update };
}

/** @param {Scene} scene @param {number} token */
function parts(scene, token) {
  const { tokens, choices, whose, maps, what, classes, meta } = scene;
  const symbol = element("span", `vl-symbol ${choices.token === token ? "vl-pinned" : ""}`);
  const where = element("span", "vl-part vl-where", {}, symbol, value(tokens.describe(token)), tokens.place(token) ? quiet(`token ${token}`) : null);
  const position = tokens.position(token);
  if (position === null) return [where, part(quiet("not in the sequence"))];
  const each = whose.flatMap((one) => {
    const values = maps.values(one, what);
    const name = one === "difference" ? "difference" : classes.label((one === 0 ? maps.of.target : maps.of.against) ?? 0).name;
    return [part(element("span", "vl-quiet vl-name", { title: name }, name), value(relevance(values[position] ?? NaN))), ...(one === "difference" ? [] : among(scene, one, position))];
  });
  return [where, ...each, part(quiet(mapTitle(what, meta).toLowerCase()))];
}

/** Among the patches: the share of all magnitudes, and the rank. @param {Scene} scene @param {import("./scene.js").Whose} whose @param {number} position */
function among({ maps, what, tokens }, whose, position) {
  if (position < tokens.nBefore) return [part(quiet("no patch, so no rank"))];
  const values = maps.values(whose, what);
  const total = maps.magnitude(whose, what);
  const share = total > 0 ? Math.abs(values[position] ?? 0) / total : NaN;
  const of = tokens.n - tokens.nBefore;
  return [
    part(element("span", "vl-quiet", { title: "of the magnitudes of all patches" }, "share"), value(probability(share, 3))),
    part(quiet("rank"), value(`${rankOf(values, position, tokens.nBefore)} of ${of}`)),
  ];
}
