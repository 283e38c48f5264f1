// Buttons that bring a map nearer, farther, or show it whole.
import { element, icon } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { nextCell, wholeView, zoomed } from "./viewport.js";

/** @typedef {import("./scene.js").Scene} Scene */

const PLUS = "M8 3.5v9M3.5 8h9";
const MINUS = "M3.5 8h9";
const WHOLE = "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3";

/** @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function zoomButtons(actions) {
  /** @type {Scene | null} */
  let current = null;
  /** @param {string} path @param {string} title @param {(scene: Scene) => import("./viewport.js").View} view */
  const button = (path, title, view) => {
    const node = element("button", "vl-button vl-icon-button", { type: "button", title, "aria-label": title }, icon(path));
    node.addEventListener("click", () => current && actions.look({ sheet: current.sheet, view: view(current) }));
    return node;
  };
  const farther = button(MINUS, "Zoom out of the map (−)", (scene) => zoomedBy(scene, -1));
  const nearer = button(PLUS, "Zoom into the map (+)", (scene) => zoomedBy(scene, 1));
  const whole = button(WHOLE, "Show the whole map (0)", ({ sheet }) => wholeView(sheet));
  const draw = whenChanged((/** @type {Scene} */ s) => [s.sheet, s.view], ({ sheet, view }) => {
    nearer.disabled = nextCell(sheet, view.cell, 1) === view.cell;
    farther.disabled = whole.disabled = nextCell(sheet, view.cell, -1) === view.cell;
  });
  const update = (/** @type {Scene} */ scene) => {
    current = scene;
    draw(scene);
  };
  return { node: element("div", "vl-zoom", {}, farther, nearer, whole), update };
}

/**
 * One step nearer or farther, around the cell looked at or else around the middle.
 * @param {Pick<Scene, "sheet" | "view">} scene
 * @param {1 | -1} step
 * @param {{ x: number, y: number }} [point]
 */
export function zoomedBy({ sheet, view }, step, point = { x: sheet.side / 2, y: sheet.side / 2 }) {
  return zoomed(sheet, view, nextCell(sheet, view.cell, step), point);
}
