// The choices that change all views, and those of the overview.
import { ClassSearch } from "../lib/class_search.js";
import { menu, segments } from "../lib/controls.js";
import { element, icon } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { imageControl as ofBatch } from "../lib/image_control.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {Partial<import("./scene.js").Choices>} Change */

const CROSS = "M4.5 4.5l7 7M11.5 4.5l-7 7";

/**
 * @param {import("../lib/controls.js").Control} control
 * @param {(scene: Scene) => string} valueOf
 * @param {(scene: Scene) => string | null} whyNot  why it cannot be chosen now
 * @returns {Part}
 */
function part({ node, show, disable }, valueOf, whyNot = () => null) {
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [valueOf(s)], (s) => show(valueOf(s))),
    whenChanged((s) => [whyNot(s)], (s) => disable(whyNot(s))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene @param {string} what */
const withoutKernel = ({ canAsk }, what) => (canAsk ? null : `This page has no kernel to compute ${what}`);

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part | null} null where there is one image */
export const imageControl = (meta, { choose }) =>
  ofBatch(meta, {
    choose: (image) => choose({ image: image ?? 0 }),
    chosenOf: (/** @type {Scene} */ s) => s.asked.image,
    smallOf: () => meta.small ?? null,
    whyNot: (s) => withoutKernel(s, "another image"),
  });

/** @param {Actions} actions @returns {Part} */
export function methodControl({ choose }) {
  const control = menu("Method", "Method", [], (method) => choose({ method }));
  const rest = part(control, (s) => s.asked.method, (s) => withoutKernel(s, "another method"));
  const offer = whenChanged((/** @type {Scene} */ s) => [Object.keys(s.methods).join("\n")], (s) => {
    control.offer(Object.entries(s.methods));
    control.show(s.asked.method);
  });
  const update = (/** @type {Scene} */ scene) => {
    offer(scene);
    rest.update(scene);
  };
  return { node: control.node, update };
}

/** @param {import("../lib/class_search.js").Classes} classes @param {Actions} actions @returns {Part} */
export function targetControl(classes, { choose, complain }) {
  const search = new ClassSearch("Target", "Target class", classes, { choose: (target) => choose({ target }), complain });
  const update = whenChanged((/** @type {Scene} */ s) => [s.asked.target, s.classes], (s) => {
    search.node.hidden = s.classes.isEmpty;
    search.show(s.asked.target ?? 0, s.classes.searched);
  });
  return { node: search.node, update };
}

/** The second class: a button that takes one, then its search box and a button that lets it go. @param {import("../lib/class_search.js").Classes} classes @param {Actions} actions @returns {Part} */
export function againstControl(classes, { choose, complain }) {
  const search = new ClassSearch("against", "Second class", classes, { choose: (against) => choose({ against }), complain });
  const add = element("button", "vl-button vl-compare", { type: "button" }, "Compare with another class");
  const words = "Without a second class";
  const drop = element("button", "vl-button vl-icon-button", { type: "button", "aria-label": words, title: words }, icon(CROSS));
  let other = 0;
  add.addEventListener("click", () => {
    choose({ against: other });
    search.input.focus();
  });
  drop.addEventListener("click", () => {
    choose({ against: null });
    add.focus();
  });
  const node = element("div", "vl-control vl-control-against", {}, add, search.node, drop);
  const update = whenChanged((/** @type {Scene} */ s) => [s.asked.target, s.asked.against, s.classes, s.canAsk], (s) => {
    const { target, against } = s.asked;
    node.hidden = s.classes.isEmpty;
    other = s.classes.first.find((index) => index !== target) ?? 0;
    add.hidden = against !== null;
    search.node.hidden = drop.hidden = against === null;
    add.disabled = !s.canAsk;
    add.title = withoutKernel(s, "another class") ?? `The model’s next answer, ${s.classes.label(other).name}; any class can be chosen then`;
    if (against !== null) search.show(against, s.classes.searched);
  });
  return { node, update };
}

/** @param {Actions} actions @returns {Part} */
export function showControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["all", "All"], ["layer", "Layer"], ["head", "Head"]]);
  const control = segments("Show", "Show", words, (show) => choose(/** @type {Change} */ ({ show })));
  return part(control, (s) => s.what.show, (s) => (s.maps.hasHeads ? null : "This method says nothing of single heads"));
}

/** @param {Actions} actions @returns {Part} */
export function scaleControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["linear", "Linear"], ["sqrt", "Root"]]);
  const control = segments("Scale", "Scale", words, (scale) => choose(/** @type {Change} */ ({ scale })));
  return part(control, (s) => s.choices.scale);
}

/** @param {Actions} actions @returns {Part} */
export function sharedControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["one", "One scale"], ["own", "Own"]]);
  const control = segments("Classes", "Scale of both classes", words, (value) => choose({ shared: value === "one" }));
  const rest = part(control, (s) => (s.choices.shared ? "one" : "own"));
  const update = (/** @type {Scene} */ scene) => {
    control.node.hidden = scene.whose.length === 1;
    rest.update(scene);
  };
  return { node: control.node, update };
}

/** @param {Actions} actions @returns {Part} */
export function normControl({ choose }) {
  const words = /** @type {[string, string][]} */ ([["all", "Common"], ["layer", "Per layer"], ["map", "Per map"]]);
  const control = segments("", "Maps of heads on one scale", words, (norm) => choose(/** @type {Change} */ ({ norm })));
  return part(control, (s) => s.choices.norm);
}

/** Whose heads the overview shows. @param {Actions} actions @returns {Part} */
export function headsOfControl({ choose }) {
  const control = menu("Heads for", "Whose heads the overview shows", [], (of) => choose(/** @type {Change} */ ({ heads_of: of })));
  const update = whenChanged((/** @type {Scene} */ s) => [s.maps, s.classes, s.choices.heads_of, s.whose], (s) => {
    control.node.hidden = s.whose.length === 1;
    const { target, against } = s.maps.of;
    const [one, other] = [s.classes.label(target ?? 0).name, s.classes.label(against ?? 0).name];
    control.offer([["target", one], ["against", other], ["difference", `${one} − ${other}`]]);
    control.show(s.choices.heads_of);
  });
  return { node: control.node, update };
}
