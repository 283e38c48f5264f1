// A model's traits, followed: one drawing for one change, however many traits it has, and one a
// frame, however many changes there are.
import { watching } from "./asking.js";
import { drawNow, drawSoon } from "./frames.js";
import { GONE, isKernelGone } from "./kernel_gone.js";

/**
 * @typedef {object} Followed  the part of a notebook's model that is needed here
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {((content: unknown) => void) | undefined} [send]
 * @property {(event: string, callback: (...words: any[]) => void) => void} on
 * @property {(event: string, callback: (...words: any[]) => void) => void} off
 */

/** Jupyter's widgets hear it when the line to their kernel is opened or closed. */
const LINE_CHANGED = "comm_live_update";

/**
 * What the browser sets is drawn at once. What the kernel sends is drawn in the next frame: a cell may
 * set a trait thousands of times; and marimo sets and announces the traits of one message one after
 * the other, so that at the first of them the others are still those of before.
 * @param {Followed} model
 * @param {string[]} names  of the traits that are drawn
 * @param {() => void} draw
 * @param {AbortSignal} life  ends with the view
 * @returns {(change: Record<string, unknown>) => void} sets traits (bytes as the kernel sends them), draws, and tells the kernel
 */
export function following(model, names, draw, life) {
  let isOwn = false;
  const drawAll = () => {
    if (!life.aborted) draw();
  };
  const hear = () => {
    if (!isOwn) drawSoon(drawAll);
  };
  const events = names.map((name) => `change:${name}`);
  for (const event of events) model.on(event, hear);
  let isGone = false;
  const sayGone = () => {
    isGone = isKernelGone(model);
    if (isGone) model.set("error", GONE);
  };
  const look = watching(model, life, () => {
    isGone = true;
    model.set("error", GONE);
  });
  model.on(LINE_CHANGED, sayGone);
  life.addEventListener("abort", () => {
    for (const event of events) model.off(event, hear);
    model.off(LINE_CHANGED, sayGone);
  });
  return (change) => {
    isOwn = true;
    for (const [name, value] of Object.entries(change)) {
      model.set(name, value instanceof Uint8Array ? new DataView(value.slice().buffer) : value);
    }
    // A choice that only the kernel could answer would be waited for in silence.
    if (isGone && !("error" in change)) model.set("error", GONE);
    isOwn = false;
    drawNow(drawAll);
    model.save_changes();
    look();
  };
}
