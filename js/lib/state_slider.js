// Panels of all states that are the state slider themselves: a track with a tick under each panel, a
// knob under the chosen one, and what pointer and keys do there.
import { element, fill } from "./dom.js";

/** @typedef {{ x: number, y: number }} Point */

/**
 * @param {number} nStates
 * @param {...import("./dom.js").Child} children  the panels, each with its `data-state`
 */
export const sliderNode = (nStates, ...children) =>
  element(
    "div",
    "vl-slider",
    { role: "slider", tabindex: 0, "aria-label": "State", "aria-valuemin": 0, "aria-valuemax": nStates - 1 },
    ...children,
  );

/**
 * @param {HTMLElement} tracks
 * @param {HTMLElement} knob
 * @param {{ nStates: number, perRow: number, chosen: number, centre: (state: number) => Point }} where
 */
export function drawTracks(tracks, knob, { nStates, perRow, chosen, centre }) {
  const bars = Array.from({ length: Math.ceil(nStates / perRow) }, (_, row) => {
    const [first, last] = [row * perRow, Math.min(nStates, (row + 1) * perRow) - 1];
    const upTo = Math.min(Math.max(chosen, first), last);
    return [bar(centre(first), centre(last), ""), bar(centre(first), centre(chosen < first ? first : upTo), "vl-done")];
  });
  const ticks = Array.from({ length: nStates }, (_, state) => tick(centre(state), state <= chosen));
  fill(tracks, ...bars.flat(), ...ticks);
  const at = centre(chosen);
  knob.style.transform = `translate(${at.x}px, ${at.y}px)`;
}

/** @param {Point} from @param {Point} to @param {string} className */
function bar(from, to, className) {
  const node = element("div", `vl-track ${className}`);
  node.style.transform = `translate(${from.x}px, ${from.y - 1}px)`;
  node.style.width = `${to.x - from.x}px`;
  return node;
}

/** @param {Point} at @param {boolean} done */
function tick(at, done) {
  const node = element("div", `vl-tick ${done ? "vl-done" : ""}`);
  node.style.transform = `translate(${at.x}px, ${at.y}px)`;
  return node;
}

/** Which state a key on the slider means. @param {string} key @param {number} state @param {number} last */
function stateOfKey(key, state, last) {
  if (key === "ArrowLeft" || key === "ArrowDown") return Math.max(0, state - 1);
  if (key === "ArrowRight" || key === "ArrowUp") return Math.min(last, state + 1);
  if (key === "Home") return 0;
  return key === "End" ? last : null;
}

/** @param {HTMLElement} slider @param {number} nStates @param {(state: number) => void} choose */
export function listenToSlider(slider, nStates, choose) {
  const current = () => Number(slider.getAttribute("aria-valuenow"));
  /** @param {PointerEvent} event */
  const toPointer = (event) => {
    const state = nearestStop(slider, event);
    if (state !== current()) choose(state);
  };
  slider.addEventListener("keydown", (event) => {
    const state = stateOfKey(event.key, current(), nStates - 1);
    if (state === null) return;
    event.preventDefault();
    event.stopPropagation();
    choose(state);
  });
  slider.addEventListener("pointerdown", (event) => {
    slider.setPointerCapture(event.pointerId);
    toPointer(event);
  });
  slider.addEventListener("pointermove", (event) => {
    if (slider.hasPointerCapture(event.pointerId)) toPointer(event);
  });
}

/**
 * The state whose panel is nearest to the pointer.
 * @param {HTMLElement} slider
 * @param {{ clientX: number, clientY: number }} pointer
 */
export function nearestStop(slider, pointer) {
  const stops = /** @type {NodeListOf<HTMLElement>} */ (slider.querySelectorAll("[data-state]"));
  const distances = Array.from(stops, (stop) => {
    const box = stop.getBoundingClientRect();
    const down = Math.max(box.top - pointer.clientY, pointer.clientY - box.bottom, 0);
    return 10 * down + Math.abs(pointer.clientX - (box.left + box.right) / 2);
  });
  return distances.indexOf(Math.min(...distances));
}
