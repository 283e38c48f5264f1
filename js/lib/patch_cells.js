// The grid of patches over a picture: one tab stop, arrows move, Enter and clicks choose. And the
// rings that mark patches.
import { element, setAttributes } from "./dom.js";
import { moved } from "./grid_keys.js";

/** @typedef {{ rows: number, cols: number, nPrefix: number }} Places  prefix tokens stand before the patches */

/**
 * @param {Places} places
 * @param {string} label
 * @param {{ pass: (token: number | null) => void, choose: (token: number) => void }} actions
 * @returns {{ node: HTMLElement, all: HTMLElement[] }} the grid, and its cells row by row
 */
export function patchCells(places, label, actions) {
  const { rows, cols, nPrefix } = places;
  const all = Array.from({ length: rows * cols }, (_, i) =>
    element("div", "vl-cell", {
      role: "gridcell",
      tabindex: i === 0 ? 0 : -1,
      "data-token": nPrefix + i,
      "aria-colindex": (i % cols) + 1,
    }),
  );
  const lines = Array.from({ length: rows }, (_, row) =>
    element("div", "vl-cell-row", { role: "row", "aria-rowindex": row + 1 }, ...all.slice(row * cols, (row + 1) * cols)),
  );
  const attributes = { role: "grid", "aria-label": label, "aria-rowcount": rows, "aria-colcount": cols };
  const node = element("div", "vl-cells", attributes, ...lines);
  listen(node, all, places, actions);
  return { node, all };
}

/** @param {EventTarget | null} target @returns {number | null} */
function tokenOf(target) {
  const cell = target instanceof Element ? target.closest("[data-token]") : null;
  return cell ? Number(cell.getAttribute("data-token")) : null;
}

/**
 * @param {HTMLElement} grid
 * @param {HTMLElement[]} all
 * @param {Places} places
 * @param {{ pass: (token: number | null) => void, choose: (token: number) => void }} actions
 */
function listen(grid, all, { rows, cols, nPrefix }, { pass, choose }) {
  grid.addEventListener("pointerover", (event) => pass(tokenOf(event.target)));
  grid.addEventListener("pointerleave", () => pass(null));
  grid.addEventListener("focusin", (event) => {
    rove(grid, /** @type {HTMLElement} */ (event.target));
    pass(tokenOf(event.target));
  });
  grid.addEventListener("focusout", () => pass(null));
  grid.addEventListener("click", (event) => {
    const token = tokenOf(event.target);
    if (token !== null) choose(token);
  });
  grid.addEventListener("keydown", (event) => {
    const token = tokenOf(event.target);
    if (token === null) return;
    if (event.key === "Enter" || event.key === " ") choose(token);
    else {
      const patch = token - nPrefix;
      const at = { row: Math.floor(patch / cols), col: patch % cols };
      const to = moved(event.key, event.ctrlKey || event.metaKey, at, { rows, cols });
      if (!to) return;
      all[to.row * cols + to.col]?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Keeps one tab stop: the one of its children that had the focus last. @param {HTMLElement} group @param {HTMLElement} current */
export function rove(group, current) {
  group.querySelectorAll('[tabindex="0"]').forEach((other) => other.setAttribute("tabindex", "-1"));
  current.setAttribute("tabindex", "0");
}

/** @param {HTMLElement[]} cells @param {(index: number) => boolean} isSelected */
export function select(cells, isSelected) {
  cells.forEach((cell, i) => setAttributes(cell, { "aria-selected": isSelected(i) ? "true" : null }));
}

/** @param {string} className @param {...import("./dom.js").Child} children */
export const ring = (className, ...children) => element("div", `vl-ring ${className}`, { hidden: true }, ...children);

/**
 * Puts a ring around a patch, or away.
 * @param {HTMLElement} mark
 * @param {number | null} token
 * @param {Places} places
 * @param {number} cell  side of a patch, px
 */
export function placeRing(mark, token, { cols, nPrefix }, cell) {
  mark.hidden = token === null || token < nPrefix;
  if (token === null || mark.hidden) return;
  const patch = token - nPrefix;
  mark.style.transform = `translate(${(patch % cols) * cell}px, ${Math.floor(patch / cols) * cell}px)`;
}

/** Below this cell size, lines between patches would hide the picture. */
const SMALLEST_RULED = 16;
/** From this cell size on, a pinned patch carries a corner flag. */
export const SMALLEST_FLAGGED = 40;

/** Sizes of a picture under its grid. @param {HTMLElement} node @param {number} cell @param {{ rows: number, cols: number }} grid */
export function sizePicture(node, cell, { rows, cols }) {
  node.style.width = `${cell * cols}px`;
  node.style.height = `${cell * rows}px`;
  node.style.setProperty("--vl-cell", `${cell}px`);
  node.style.setProperty("--vl-cols", String(cols));
  node.classList.toggle("vl-fine", cell < SMALLEST_RULED);
}
