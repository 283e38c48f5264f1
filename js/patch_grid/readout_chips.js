// The tokens that are no patches, before the image: the model's readout, and each prefix token,
// which can be selected like a patch.
import { element, fill, setAttributes } from "../lib/dom.js";
import { firstLetters } from "../lib/labels.js";
import { probability } from "../lib/numbers.js";
import { whenChanged } from "../lib/changes.js";
import { quiet } from "../lib/readout.js";
import { bar } from "./answers_table.js";
import { emojiNode, labelNode } from "../lib/label_nodes.js";
import { imageWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./reading.js").Reading} Reading */

/**
 * The readout's chip with its runners-up, then the chips of the other prefix tokens.
 * @param {Reading} reading
 * @param {Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function readoutChips(reading, actions) {
  const own = readoutChip(reading, actions, "vl-chip vl-chip-readout");
  const next = element("span", "vl-runners-up");
  const others = reading.meta.prefix
    .map((name, token) => ({ token, node: chip(actions, token, "vl-chip vl-chip-token", `${name}, token ${token}`) }))
    .filter(({ token }) => token !== reading.meta.readout_token);
  const first = element("div", "vl-chip-line", {}, own, next);
  const second = element("div", "vl-chip-line vl-chip-tokens", { hidden: others.length === 0 }, ...others.map((o) => o.node));
  const node = element("div", "vl-chips", { role: "group", "aria-label": "Readout and prefix tokens" }, first, second);

  const drawings = [
    whenChanged((s) => [s.layout.mode], (s) => void (first.hidden = s.layout.mode === "side")),
    whenChanged((s) => [s.reading, s.state], (s) => {
      fill(own, who(`${reading.meta.readout_name} readout`), ...answerNodes(s, reading.readout));
      const runnersUp = [1, 2].filter((place) => place < reading.nAnswers);
      fill(next, kindWords(reading), ...runnersUp.map((place) => runnerUp(s.reading, s.state, place)));
      others.forEach((o) => fill(o.node, who(reading.describe(o.token)), shortAnswer(s.reading, s.state, o.token)));
    }),
    whenChanged((s) => [s.token], (s) => {
      press(own, reading.meta.readout_token, s);
      others.forEach((o) => press(o.node, o.token, s));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/**
 * The same for a narrow widget: the image, and the readout's answers as a list beside the picture.
 * @param {Reading} reading
 * @param {Actions} actions
 * @param {import("../lib/thumbnail.js").Thumbnail} thumb
 * @returns {import("./scene.js").Part}
 */
export function readoutList(reading, actions, thumb) {
  const own = readoutChip(reading, actions, "vl-title vl-chip-title");
  own.textContent = `${capitalised(reading.meta.readout_name)} readout`;
  const where = element("span", "vl-secondary");
  const list = element("ol", "vl-readout-list");
  const node = element("aside", "vl-aside", {}, thumb.node, element("div", "vl-head", {}, own, where), list, kindWords(reading));

  const update = whenChanged(
    (s) => [s.reading, s.grounds, s.state, s.token, s.layout, s.ratio],
    (scene) => {
      node.hidden = scene.layout.mode !== "side";
      if (node.hidden) return;
      thumb.show(scene.grounds, imageWords(scene.reading), scene.reading.meta.caption);
      thumb.draw(...thumbSize(reading), scene.ratio);
      where.textContent = `at ${reading.stateName(scene.state)}`;
      press(own, reading.meta.readout_token, scene);
      fill(list, ...Array.from({ length: reading.nAnswers }, (_, place) => listItem(scene.reading, scene.state, place)));
    },
  );
  return { node, update };
}

/** @param {string} text */
const who = (text) => element("span", "vl-chip-who", {}, text);

const THUMB = 98;
const WIDE_THUMB = 200;

/** @param {Reading} reading @returns {[number, number]} */
function thumbSize({ rows, cols }) {
  const longer = Math.max(rows, cols);
  const side = cols >= 2 * rows ? WIDE_THUMB : THUMB;
  return [Math.round((side * cols) / longer), Math.round((side * rows) / longer)];
}

/** @param {string} text */
const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A button where the readout is a token; otherwise it can only be pointed at. @param {Reading} reading @param {Actions} actions @param {string} className */
function readoutChip(reading, actions, className) {
  const token = reading.meta.readout_token;
  if (token !== null) return chip(actions, token, className, `readout, token ${token}`);
  const node = element("div", `${className} vl-chip-still`, { title: "what the classifier reads; no token of its own" });
  passOn(node, reading.readout, actions);
  return node;
}

/** @param {Actions} actions @param {number} token @param {string} className @param {string} title */
function chip(actions, token, className, title) {
  const node = element("button", className, { type: "button", title, "data-token": token });
  passOn(node, token, actions);
  node.addEventListener("click", () => actions.choose({ token: node.getAttribute("aria-pressed") === "true" ? null : token }));
  node.addEventListener("focus", () => actions.pass(token));
  node.addEventListener("blur", () => actions.pass(null));
  return node;
}

/** @param {HTMLElement} node @param {number} token @param {Actions} actions */
function passOn(node, token, actions) {
  node.addEventListener("pointerenter", () => actions.pass(token));
  node.addEventListener("pointerleave", () => actions.pass(null));
}

/** @param {HTMLElement} node @param {number | null} token @param {Scene} scene */
function press(node, token, scene) {
  if (token === null) return;
  setAttributes(node, { "aria-pressed": String(scene.token === token) });
}

/** @param {Scene} scene @param {number} token */
function answerNodes({ reading, state }, token) {
  const { label, probability: p } = reading.answer(state, token);
  return [labelNode(label, "vl-name vl-strong"), element("span", "vl-number", {}, probability(p))];
}

/** @param {Reading} reading */
const kindWords = (reading) => reading.alone && quiet(reading.kindWords);

/** @param {Reading} reading @param {number} state @param {number} place */
function runnerUp(reading, state, place) {
  const { label, probability: p } = reading.answer(state, reading.readout, place);
  return element("span", "vl-runner-up", {}, labelNode(label), element("span", "vl-number", {}, probability(p)));
}

/** @param {Reading} reading @param {number} state @param {number} token */
function shortAnswer(reading, state, token) {
  const { label } = reading.answer(state, token);
  return emojiNode(label.emoji) ?? element("span", "vl-name", {}, firstLetters(label.brief, 3));
}

/** @param {Reading} reading @param {number} state @param {number} place */
function listItem(reading, state, place) {
  const { label, probability: p } = reading.answer(state, reading.readout, place);
  return element("li", "vl-answer", {}, labelNode(label), element("b", "vl-number", {}, probability(p)), bar(p));
}
