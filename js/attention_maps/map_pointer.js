// Pointer and keys on a map: pointing, pinning, moving it under its window, zooming.
import { moved } from "../lib/grid_keys.js";
import { zoomedBy } from "./map_zoom.js";
import { clamped, pixelOf, positionAt, revealing, wholeView } from "./viewport.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./tokens.js").Tokens} Tokens */

/** A pointer that has moved so far, px, drags the map; it does not click. */
const DRAGGED = 4;

/**
 * @param {HTMLElement} sheet
 * @param {Tokens} tokens
 * @param {Actions} actions
 * @param {() => Scene | null} scene
 */
export function listenToMap(sheet, tokens, actions, scene) {
  listenToPointer(sheet, tokens, actions, scene);
  sheet.addEventListener("keydown", (event) => {
    const now = scene();
    if (!now || !onKey(event, now, tokens, actions)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  sheet.addEventListener("focus", () => {
    const now = scene();
    if (now && sheet.matches(":focus-visible")) actions.passCell(startOf(now, tokens));
  });
  sheet.addEventListener("blur", () => actions.passCell(null));
}

/** @param {HTMLElement} sheet @param {Tokens} tokens @param {Actions} actions @param {() => Scene | null} scene */
function listenToPointer(sheet, tokens, actions, scene) {
  /** @type {{ x: number, y: number, view: import("./viewport.js").View, moved: boolean } | null} */
  let drag = null;
  sheet.addEventListener("pointerdown", (event) => {
    const now = scene();
    if (now && event.button === 0) drag = { x: event.clientX, y: event.clientY, view: now.view, moved: false };
  });
  sheet.addEventListener("pointermove", (event) => {
    const now = scene();
    if (!now) return;
    if (!drag) return actions.passCell(cellAt(event, now, tokens));
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < DRAGGED) return;
    if (!drag.moved) sheet.setPointerCapture(event.pointerId);
    drag.moved = true;
    const view = clamped(now.sheet, { cell: drag.view.cell, x: drag.view.x - dx, y: drag.view.y - dy });
    actions.look({ sheet: now.sheet, view });
  });
  sheet.addEventListener("pointerup", (event) => {
    const now = scene();
    const pair = now && !drag?.moved ? cellAt(event, now, tokens) : null;
    if (drag && pair) actions.pinCell(pair);
    drag = null;
  });
  sheet.addEventListener("pointercancel", () => (drag = null));
  sheet.addEventListener("pointerleave", () => {
    if (!drag?.moved) drag = null;
    actions.passCell(null);
  });
  sheet.addEventListener("wheel", (event) => onWheel(event, scene(), actions), { passive: false });
}

/** @param {MouseEvent} event @param {Scene} scene @param {Tokens} tokens */
function cellAt({ offsetX, offsetY }, { sheet, view }, tokens) {
  const key = positionAt(sheet, view.cell, view.x, offsetX);
  const query = positionAt(sheet, view.cell, view.y, offsetY);
  return key === null || query === null ? null : { query: tokens.token(query), key: tokens.token(key) };
}

/** Zooms with Control or a pinch; a map that is zoomed into scrolls, up to its ends. @param {WheelEvent} event @param {Scene | null} scene @param {Actions} actions */
function onWheel(event, scene, actions) {
  if (!scene) return;
  const { sheet, view } = scene;
  const next =
    event.ctrlKey || event.metaKey
      ? zoomedBy(scene, event.deltaY < 0 ? 1 : -1, { x: event.offsetX, y: event.offsetY })
      : clamped(sheet, { cell: view.cell, x: view.x + event.deltaX, y: view.y + event.deltaY });
  const isSame = next.cell === view.cell && next.x === view.x && next.y === view.y;
  if (isSame && !(event.ctrlKey || event.metaKey)) return; // the page scrolls on
  event.preventDefault();
  if (!isSame) actions.look({ sheet, view: next });
}

/** Where the keyboard starts: at what is looked at, or else at the first patch. @param {Scene} scene @param {Tokens} tokens */
function startOf({ pair, isResting }, tokens) {
  const first = tokens.token(Math.min(tokens.nBefore, tokens.n - 1));
  return isResting ? { query: first, key: first } : { query: pair.query ?? first, key: pair.key ?? first };
}

/** @param {KeyboardEvent} event @param {Scene} scene @param {Tokens} tokens @param {Actions} actions @returns {boolean} whether the key is the map's */
function onKey(event, scene, tokens, actions) {
  const at = startOf(scene, tokens);
  const [row, col] = [tokens.position(at.query) ?? 0, tokens.position(at.key) ?? 0];
  const whole = event.ctrlKey || event.metaKey;
  if (!whole && zoomOnKey(event.key, scene, actions, { row, col })) return true;
  if (event.key === "Enter" || event.key === " ") {
    actions.pinCell(at);
    return true;
  }
  const page = { PageUp: -tokens.cols, PageDown: tokens.cols }[event.key];
  const to = page
    ? { row: Math.min(tokens.n - 1, Math.max(0, row + page)), col }
    : moved(event.key, whole, { row, col }, { rows: tokens.n, cols: tokens.n });
  if (!to) return false;
  actions.look({ sheet: scene.sheet, view: revealing(scene.sheet, scene.view, to.row, to.col) });
  actions.passCell({ query: tokens.token(to.row), key: tokens.token(to.col) });
  return true;
}

/** @param {string} key @param {Scene} scene @param {Actions} actions @param {{ row: number, col: number }} at */
function zoomOnKey(key, scene, actions, { row, col }) {
  const { sheet, view } = scene;
  if (key === "0") actions.look({ sheet, view: wholeView(sheet) });
  else if (key === "+" || key === "=" || key === "-") {
    const point = { x: pixelOf(sheet, view.cell, view.x, col), y: pixelOf(sheet, view.cell, view.y, row) };
    const next = zoomedBy(scene, key === "-" ? -1 : 1, point);
    actions.look({ sheet, view: revealing(sheet, next, row, col) });
  } else return false;
  return true;
}
