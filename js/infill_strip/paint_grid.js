// The grid of patches that one paints on: a click or a key turns a patch over, and what the first
// patch of a stroke becomes all the others become.
import { moved } from "../lib/grid_keys.js";
import { patchCells } from "../lib/patch_cells.js";
import { between, placeUnder } from "./brush.js";

/** @typedef {import("./brush.js").Place} Place */

/**
 * @param {{ rows: number, cols: number }} grid
 * @param {string} label
 * @param {import("./scene.js").Actions} actions
 */
export function paintGrid(grid, label, actions) {
  const turnOver = (/** @type {number} */ patch) => actions.paint([patch], !actions.mask()[patch]);
  const cells = patchCells({ ...grid, nPrefix: 0 }, label, { pass: actions.pass, choose: turnOver });
  cells.node.setAttribute("aria-multiselectable", "true");
  cells.node.classList.add("vl-paintable");
  listenToPointer(cells, grid, actions);
  listenToKeys(cells.node, grid, actions);
  return cells;
}

/** @param {{ node: HTMLElement, all: HTMLElement[] }} cells @param {{ rows: number, cols: number }} grid @param {import("./scene.js").Actions} actions */
function listenToPointer({ node, all }, grid, { paint, pass, mask }) {
  /** @type {{ at: Place, hide: boolean } | null} */
  let stroke = null;
  const indexOf = (/** @type {Place} */ { row, col }) => row * grid.cols + col;
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const at = placeUnder(node.getBoundingClientRect(), grid, event);
    stroke = { at, hide: !mask()[indexOf(at)] };
    node.setPointerCapture(event.pointerId);
    all[indexOf(at)]?.focus({ preventScroll: true });
    event.preventDefault(); // no selection of text, and the focus stays where it was put
    paint([indexOf(at)], stroke.hide);
  });
  node.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    const box = node.getBoundingClientRect();
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const to = placeUnder(box, grid, one);
      paint(between(stroke.at, to).map(indexOf), stroke.hide);
      stroke.at = to;
    }
    pass(indexOf(stroke.at));
  });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (stroke = null));
  // The stroke has done what a click of the pointer would do; one of assistive software has none.
  node.addEventListener("click", (event) => event.detail > 0 && event.stopImmediatePropagation(), { capture: true });
}

/** Shift and an arrow paint the next patch like the one they come from. @param {HTMLElement} node @param {{ rows: number, cols: number }} grid @param {import("./scene.js").Actions} actions */
function listenToKeys(node, grid, { paint, mask }) {
  node.addEventListener(
    "keydown",
    (event) => {
      const cell = event.target instanceof Element ? event.target.closest("[data-token]") : null;
      if (!cell || !event.shiftKey) return;
      const patch = Number(cell.getAttribute("data-token"));
      const at = { row: Math.floor(patch / grid.cols), col: patch % grid.cols };
      const to = moved(event.key, false, at, grid);
      if (to) paint(between(at, to).map(({ row, col }) => row * grid.cols + col), Boolean(mask()[patch]));
    },
    { capture: true },
  );
}
