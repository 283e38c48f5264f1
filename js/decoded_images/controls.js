// Choices that change all views, and how far the work is.
import { menu, segments } from "../lib/controls.js";
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { imageControl as ofBatch } from "../lib/image_control.js";
import { progressShare } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Part} Part */

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part | null} null where there is one image */
export const imageControl = (meta, { choose }) =>
  ofBatch(meta, {
    choose: (image) => choose({ image: image ?? 0 }),
    chosenOf: (/** @type {Scene} */ s) => s.choices.image,
    smallOf: () => meta.small ?? null,
    whyNot: (s) => (s.canAsk ? null : "This page has no kernel to decode another image"),
  });

/** @param {Actions} actions @returns {Part} */
export function sortControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["layer", "Layer, head"], ["similarity", "Similarity"], ["ablation", "Ablation"]]);
  const control = segments("Order", "Order of the heads", words, (sort) => choose({ sort: /** @type {import("./scene.js").Choices["sort"]} */ (sort) }));
  return { node: control.node, update: whenChanged((/** @type {Scene} */ s) => [s.choices.sort], (s) => control.show(s.choices.sort)) };
}

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part | null} null where there is one */
export function seedControl(meta, { choose }) {
  if (meta.seeds.length === 1) return null;
  const options = /** @type {[string, string][]} */ (meta.seeds.map((seed, i) => [String(i), String(seed)]));
  const control = menu("Seed", "Seed of the large picture", options, (seed) => choose({ seed: Number(seed) }));
  return { node: control.node, update: whenChanged((/** @type {Scene} */ s) => [s.choices.seed], (s) => control.show(String(s.choices.seed))) };
}

const STOP = "■ Stop";
const GO_ON = "▶ Go on";

/** @param {Actions} actions @returns {Part} */
export function workControl({ set }) {
  const button = element("button", "vl-button vl-stop", { type: "button" });
  let isStopped = false;
  button.addEventListener("click", () => set({ isStopped: !isStopped }));
  const words = element("span", "vl-hint vl-progress-words", { role: "status" });
  const filled = element("span", "vl-progress-filled");
  const bar = element("span", "vl-progress-bar", { "aria-hidden": "true" }, filled);
  const node = element("div", "vl-control vl-work", {}, button, element("span", "vl-progress", {}, words, bar));
  const update = whenChanged((/** @type {Scene} */ s) => [s.progress, s.isStopped, s.made, s.canAsk], (s) => {
    isStopped = s.isStopped;
    const isDone = s.made.sent.left === 0;
    button.hidden = isDone || !s.canAsk;
    button.textContent = isStopped ? GO_ON : STOP;
    button.title = isStopped ? "Decode what is still to come" : "What is made stays";
    words.textContent = isDone && s.made.nHeads ? `all ${s.made.nHeads} heads` : s.progress;
    const share = progressShare(s.made);
    bar.hidden = isDone || Number.isNaN(share);
    filled.style.width = `${100 * (share || 0)}%`;
  });
  return { node, update };
}
