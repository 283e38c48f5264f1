// The ticks of a map: prefix tokens by name, patches by their row on the image.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { patchesAt, pixelOf } from "./viewport.js";
import { brief } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./tokens.js").Span} Span */

/** Room one tick's text needs along its axis, px. */
const NEEDS = { across: 20, down: 14 };
/** Room for "row 0". */
const WORDED = 36;

/** @param {import("./tokens.js").Tokens} tokens @returns {import("./scene.js").Part} */
export function mapTicks(tokens) {
  const [top, left] = [element("div", "vl-ticks-top"), element("div", "vl-ticks-left")];
  const node = element("div", "vl-map-ticks", { "aria-hidden": "true" }, top, left);
  const rows = tokens.patchRows;
  const update = whenChanged((/** @type {Scene} */ s) => [s.sheet, s.view], (scene) => {
    fill(top, ...ticks(scene, tokens, rows, "across"));
    fill(left, ...ticks(scene, tokens, rows, "down"));
  });
  return { node, update };
}

/** @param {Scene} scene @param {import("./tokens.js").Tokens} tokens @param {Span[]} rows @param {"across" | "down"} axis */
function ticks({ sheet, view }, tokens, rows, axis) {
  const moved = axis === "across" ? view.x : view.y;
  const [start, end] = [patchesAt(sheet, view.cell), sheet.side];
  const spans = rows.map(({ name, start: first, end: last }) => ({
    name,
    from: Math.max(start, pixelOf(sheet, view.cell, moved, first)),
    to: Math.min(end, pixelOf(sheet, view.cell, moved, last - 1) + view.cell),
  }));
  const seen = spans.filter(({ from, to }) => to - from > 1);
  const pitch = Math.max(1, ...seen.map(({ from, to }) => to - from));
  const every = Math.ceil(NEEDS[axis] / pitch);
  const [top] = seen;
  const isCrowded = axis === "down" && tokens.prefixSpans.length > 0 && top !== undefined && (top.from + top.to) / 2 < NEEDS.down;
  const first = isCrowded ? every : 0; // the row beside a prefix token's name goes without its own
  const named = seen.map((span, i) => {
    const isWorded = i === first && (axis === "down" || pitch >= WORDED);
    const isNamed = i % every === 0 && i >= first;
    return tick(axis, span.from, span.to, isNamed ? (isWorded ? `row ${span.name}` : span.name) : "", false);
  });
  return [...prefixTicks(tokens, view.cell, axis), ...named];
}

/** Each prefix token by name where there is room, otherwise the first and how many follow. @param {import("./tokens.js").Tokens} tokens @param {number} cell @param {"across" | "down"} axis */
function prefixTicks(tokens, cell, axis) {
  const spans = tokens.prefixSpans;
  if (spans.length === 0) return [];
  const isRoomy = spans.length === 1 || cell >= (axis === "down" ? NEEDS.down : 40);
  if (isRoomy) return spans.map(({ name, start }) => tick(axis, start * cell, (start + 1) * cell, brief(name), true));
  return [tick(axis, 0, spans.length * cell, `${brief(spans[0]?.name ?? "")} +${spans.length - 1}`, true)];
}

/**
 * @param {"across" | "down"} axis
 * @param {number} from
 * @param {number} to
 * @param {string} text
 * @param {boolean} outside  stands before its bracket, where it has room
 */
function tick(axis, from, to, text, outside) {
  const node = element("div", outside ? "vl-tick-mark vl-outside" : "vl-tick-mark", {}, element("span", "", {}, text));
  const [at, size] = axis === "across" ? ["left", "width"] : ["top", "height"];
  node.style.setProperty(at, `${from}px`);
  node.style.setProperty(size, `${to - from}px`);
  return node;
}
