// A model's traits, followed: one drawing for one change, however many traits it has, and one a
// frame, however many changes there are.
import { drawNow, drawSoon } from "./frames.js";

/**
 * @typedef {object} Followed  the part of a notebook's model that is needed here
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, callback: (...words: any[]) => void) => void} on
 * @property {(event: string, callback: (...words: any[]) => void) => void} off
 */

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
  life.addEventListener("abort", () => events.forEach((event) => model.off(event, hear)));
  return (change) => {
    isOwn = true;
    for (const [name, value] of Object.entries(change)) {
      model.set(name, value instanceof Uint8Array ? new DataView(value.slice().buffer) : value);
    }
    isOwn = false;
    drawNow(drawAll);
    model.save_changes();
  };
}
