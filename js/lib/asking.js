// Questions to the kernel as custom messages. anywidget's own `experimental.invoke` does the same in
// Jupyter only: marimo refuses it, while it carries custom messages as every host does.
import { drawDue } from "./frames.js";
import { GONE } from "./kernel_gone.js";

/**
 * @typedef {object} Speaking  the part of a notebook's model that is needed here
 * @property {((content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]) => void) | undefined} [send]  a page without a kernel has none
 * @property {(event: string, callback: (...words: any[]) => void) => void} on
 * @property {(event: string, callback: (...words: any[]) => void) => void} off
 */

/** The kernel may be busy with another cell. */
const PATIENCE = 60_000;

/** A question that every widget answers. */
const HERE = "_here";

/** An answer that was sent before the kernel said that it is done may be read after it, ms. */
const GRACE = 500;

/** @param {Speaking} model */
export const hasKernel = (model) => typeof model.send === "function";

/**
 * @param {Speaking} model
 * @param {AbortSignal} life  ends with the view; what is under way is given up then
 * @returns {import("./requests.js").Ask | null} null on a page without a kernel
 */
export function asking(model, life) {
  if (!hasKernel(model)) return null;
  /** @type {Map<string, (answer: [any, DataView[]]) => void>} */
  const waiting = new Map();
  const hear = (/** @type {any} */ content, /** @type {DataView[]} */ buffers) => {
    const take = waiting.get(content?.answer);
    if (!take) return;
    drawDue(); // what the kernel has sent before its answer
    take([content.response, buffers ?? []]);
  };
  model.on("msg:custom", hear);
  life.addEventListener("abort", () => model.off("msg:custom", hear));
  /** @type {import("./requests.js").Ask} */
  const ask = (name, message, buffers = [], patience = PATIENCE) => {
    const id = Math.random().toString(36).slice(2); // other views of the model hear the answer too
    const end = AbortSignal.any([life, AbortSignal.timeout(patience)]);
    const answered = new Promise((resolve, reject) => {
      waiting.set(id, resolve);
      end.addEventListener("abort", () => reject(end.reason));
      const done = () => setTimeout(() => {
        if (!waiting.has(id) || end.aborted) return;
        if (name === HERE) reject(new Error(GONE));
        else ask(HERE, {}).catch(reject);
      }, GRACE);
      try {
        model.send?.({ ask: name, id, message }, whenDone(done), buffers);
      } catch {
        reject(new Error(GONE));
      }
    });
    return answered.finally(() => waiting.delete(id));
  };
  return ask;
}

/**
 * What Jupyter calls when the kernel has done with a message, whether or not a widget was there to
 * answer it: a kernel that was restarted knows of none. marimo calls it as a function.
 * @param {() => void} done
 */
const whenDone = (done) =>
  Object.assign(() => undefined, {
    iopub: { status: (/** @type {any} */ { content }) => content?.execution_state === "idle" && done() },
  });

/** Least time between two such questions, ms. */
const PAUSE = 3000;

/**
 * Finds out, while the reader does something, whether the kernel still knows the widget.
 * @param {Speaking} model
 * @param {AbortSignal} life
 * @param {() => void} onGone
 * @returns {() => void} call it when something is done
 */
export function watching(model, life, onGone) {
  const ask = asking(model, life);
  let [last, isAsked] = [-Infinity, false];
  return () => {
    if (!ask || isAsked || performance.now() - last < PAUSE) return;
    [last, isAsked] = [performance.now(), true];
    const over = () => void (isAsked = false);
    ask(HERE, {}).then(over, (error) => {
      over();
      if (error instanceof Error && error.message === GONE) onGone();
    });
  };
}
