// The choices that change all views: the pair, the two classes, and which way values go.
import { ClassSearch } from "../lib/class_search.js";
import { menu, segments } from "../lib/controls.js";
import { element, icon, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { imageControl as ofBatch } from "../lib/image_control.js";
import { directionWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Part} Part */

const CROSS = "M4.5 4.5l7 7M11.5 4.5l-7 7";

/** @param {Scene} scene */
const withoutKernel = ({ canAsk }) => (canAsk ? null : "This page has no kernel to run the model");

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part | null} null where there is one pair */
export const imageControl = (meta, { choose }) =>
  ofBatch(meta, {
    choose: (image) => choose({ image: image ?? 0 }),
    chosenOf: (/** @type {Scene} */ s) => s.asked.image,
    smallOf: () => meta.small ?? null,
    whyNot: withoutKernel,
  });

/** @param {import("../lib/class_search.js").Classes} classes @param {Actions} actions @returns {Part} */
export function targetControl(classes, { choose, complain }) {
  const search = new ClassSearch("Target", "Target class", classes, { choose: (target) => choose({ target }), complain });
  const update = whenChanged((/** @type {Scene} */ s) => [s.asked.target, s.classes], (s) => search.show(s.asked.target, s.classes.searched));
  return { node: search.node, update };
}

/** The class it is compared with, or none. @param {import("../lib/class_search.js").Classes} classes @param {Actions} actions @returns {Part} */
export function againstControl(classes, { choose, complain }) {
  const search = new ClassSearch("against", "Class it is compared with", classes, { choose: (against) => choose({ against }), complain });
  const add = element("button", "vl-button", { type: "button" }, "Compare with another class");
  const words = "The target's logit alone";
  const drop = element("button", "vl-button vl-icon-button", { type: "button", "aria-label": words, title: words }, icon(CROSS));
  let other = 0;
  add.addEventListener("click", () => choose({ against: other }));
  drop.addEventListener("click", () => choose({ against: null }));
  const node = element("div", "vl-control vl-control-against", {}, add, search.node, drop);
  const update = whenChanged((/** @type {Scene} */ s) => [s.asked.target, s.asked.against, s.classes, s.canAsk], (s) => {
    const { target, against } = s.asked;
    other = s.classes.first.find((index) => index !== target) ?? 0;
    add.hidden = against !== null;
    search.node.hidden = drop.hidden = against === null;
    add.disabled = drop.disabled = !s.canAsk;
    setAttributes(add, { title: withoutKernel(s) });
    setAttributes(drop, { title: withoutKernel(s) ?? words });
    if (against !== null) search.show(against, s.classes.searched);
  });
  return { node, update };
}

/** What becomes of the covered patches of the other image. */
const COVERS = { grey: "grey box", blur: "blurred box", noise: "noise", average: "data-set mean" };

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part | null} null of a pair */
export function coverControl(meta, { choose }) {
  if (!meta.covers.length) return null;
  const words = meta.covers.map((cover) => /** @type {[string, string]} */ ([cover, COVERS[cover]]));
  const control = menu("Other image", "What its patches are covered by", words, (cover) => choose(/** @type {any} */ ({ cover })));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.asked.cover], (s) => control.show(s.asked.cover)),
    whenChanged((s) => [s.canAsk], (s) => control.disable(withoutKernel(s))),
  ];
  return { node: control.node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part} */
export function directionControl(meta, { choose }) {
  const ways = /** @type {const} */ (["noising", "denoising"]);
  const words = ways.map((way) => /** @type {[string, string]} */ ([way, directionWords(meta, way)]));
  const control = segments("Put", "Which values are put where", words, (direction) => choose(/** @type {any} */ ({ direction })));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.asked.direction], (s) => control.show(s.asked.direction)),
    whenChanged((s) => [s.canAsk], (s) => control.disable(withoutKernel(s))),
  ];
  return { node: control.node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}
