// The marks over a map: the query's row between solid lines, the key's column between dashed ones,
// rings around the cell pointed at and the pinned one.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { patchesAt, pixelOf } from "./viewport.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @param {import("./tokens.js").Tokens} tokens @returns {import("./scene.js").Part} */
export function mapMarks(tokens) {
  const row = element("div", "vl-cross-row", { hidden: true });
  const column = element("div", "vl-cross-column", { hidden: true });
  const passing = element("div", "vl-map-ring vl-ring-passing", { hidden: true });
  const pinned = element("div", "vl-map-ring vl-ring-pinned", { hidden: true });
  const node = element("div", "vl-map-marks", { "aria-hidden": "true" }, row, column, passing, pinned);

  const draw = (/** @type {Scene} */ scene) => {
    const at = corner(scene.pair, tokens, scene);
    const pin = corner(scene.pinned, tokens, scene);
    const isPinned = scene.pair.query === scene.pinned.query && scene.pair.key === scene.pinned.key;
    const { cell } = scene.view;
    node.style.setProperty("--vl-map-cell", `${cell}px`);
    move(row, at.y === null ? null : { x: 0, y: at.y });
    move(column, at.x === null ? null : { x: at.x, y: 0 });
    move(passing, isPinned ? null : whole(at));
    move(pinned, whole(pin));
  };
  const update = whenChanged((/** @type {Scene} */ s) => [s.pair, s.pinned, s.sheet, s.view], draw);
  return { node, update };
}

/**
 * Where a pair's cell begins; null along an axis where there is none, or it is out of sight.
 * @param {import("./scene.js").Pair} pair
 * @param {import("./tokens.js").Tokens} tokens
 * @param {Scene} scene
 */
function corner({ query, key }, tokens, { sheet, view }) {
  /** @param {number | null} token @param {number} moved */
  const along = (token, moved) => {
    const position = token === null ? null : tokens.position(token);
    if (position === null) return null;
    const px = pixelOf(sheet, view.cell, moved, position);
    const isSeen = position < sheet.nBefore || (px + view.cell > patchesAt(sheet, view.cell) && px < sheet.side);
    return isSeen ? px : null;
  };
  return { x: along(key, view.x), y: along(query, view.y) };
}

/** @param {{ x: number | null, y: number | null }} at */
const whole = ({ x, y }) => (x === null || y === null ? null : { x, y });

/** @param {HTMLElement} mark @param {{ x: number, y: number } | null} at */
function move(mark, at) {
  mark.hidden = at === null;
  if (at) mark.style.transform = `translate(${at.x}px, ${at.y}px)`;
}
