// Exact numbers of what is looked at, in a fixed place: the token and its answer, then the key it
// attends to.
import { element, fill, icon } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { emojiNode } from "../lib/label_nodes.js";
import { decimal, probability } from "../lib/numbers.js";
import { part, quiet, value } from "../lib/readout.js";
import { numbers } from "../attention_maps/readout.js";
import { coming } from "../patch_grid/readout_line.js";
import { PIN } from "./answers_head.js";

/** @typedef {import("./scene.js").Scenes} Scenes */

const HINT = "Point at a patch, a token or a cell of the map to read its numbers; click pins it in every view · Esc unpins · [ and ] change the state · K switches the head off";

/** In place of the exact numbers, while the edited run's attention is still on its way. */
const ON_THEIR_WAY = { row: () => null, value: () => null, missing: "…" };

/** @returns {import("./scene.js").Part} */
export function pairLine() {
  const line = element("div", "vl-pair-line", { role: "status", "aria-live": "polite" });
  const node = element("div", "vl-pair", {}, line);
  const update = whenChanged(
    (/** @type {Scenes} */ { attention: a, grid: g, page }) => [a.pair, a.pinned, a.what, a.arrivals, g.reading, g.state, g.columns, page.isEdited, page.data.areMapsOld],
    (scenes) => {
      const { pair, isResting } = scenes.attention;
      const isNothing = pair.query === null && pair.key === null;
      fill(line, ...(isNothing || isResting ? [] : words(scenes)), isNothing || isResting ? element("span", "vl-hint", {}, HINT) : null);
    },
  );
  return { node, update };
}

/** @param {Scenes} scenes */
function words(scenes) {
  const { attention, page } = scenes;
  const { query, key } = attention.pair;
  const exact = page.isEdited && page.data.areMapsOld ? ON_THEIR_WAY : attention.exact;
  return [
    page.isEdited ? part(quiet("edited run")) : null,
    ...(query === null ? [part(quiet("query –"))] : [tokenPart(scenes, "query", query), ...answerParts(scenes, query)]),
    element("span", "vl-arrow", { role: "img", "aria-label": "attends to" }, "→"),
    key === null ? part(quiet("key –")) : tokenPart(scenes, "key", key),
    ...(query === null || key === null ? [] : numbers({ ...attention, exact }, query, key)),
  ];
}

/** @param {Scenes} scenes @param {"query" | "key"} role @param {number} token */
function tokenPart({ attention: { tokens, pinned } }, role, token) {
  const isPinned = pinned[role] === token;
  const symbol = isPinned ? element("span", "vl-pin", {}, icon(PIN, "solid")) : element("span", "vl-symbol");
  const number = tokens.place(token) ? quiet(`token ${token}`) : null;
  return element("span", "vl-part vl-pair-token", { title: isPinned ? `pinned ${role}` : role }, symbol, value(tokens.describe(token)), number);
}

/** What the lens reads at the query, in the state shown. @param {Scenes} scenes @param {number} token */
function answerParts({ grid: { reading, columns, state } }, token) {
  if (reading.nClasses === 0) return [];
  if (!reading.isKnown(state, token)) return [coming()];
  const { label, probability: p } = reading.answer(state, token);
  const rank = columns.rank[reading.at(state, token)];
  return [
    part(emojiNode(label.emoji), element("span", "vl-name", { title: label.name }, label.name), value(probability(p, 3)), reading.alone && quiet(reading.kindWords)),
    part(quiet("target rank"), value(`${rank}`), quiet(`of ${reading.nClasses}`)),
    part(quiet("entropy"), value(decimal(reading.entropy(state, token))), quiet("nats")),
    part(quiet("KL to final"), value(decimal(reading.kl(state, token))), quiet("nats")),
  ];
}
