// The tokens that are no patches, before the picture, each with its relevance.
import { element, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { brief } from "../attention_maps/words.js";
import { overImage } from "./shades.js";
import { relevance } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/**
 * @param {import("./scene.js").Whose} whose
 * @param {import("./scene.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function chips(whose, tokens, actions) {
  const all = tokens.prefix.map((name, token) => chip(name, token, tokens, actions));
  const attributes = { role: "group", "aria-label": "Prefix tokens", "data-many": String(tokens.nPrefix > 2) };
  const node = element("div", "vl-token-chips", attributes, ...all.map((one) => one.node));
  node.hidden = all.length === 0;
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.maps, s.what, s.scaleOf(whose, s.what)], (s) => all.forEach((one) => draw(one, whose, s))),
    whenChanged((s) => [s.choices.token], (s) =>
      all.forEach((one) => setAttributes(one.node, { "aria-pressed": String(s.choices.token === one.token) })),
    ),
  ];
  return { node, update: (scene) => drawings.forEach((drawing) => drawing(scene)) };
}

/** @param {string} name @param {number} token @param {import("./scene.js").Tokens} tokens @param {import("./scene.js").Actions} actions */
function chip(name, token, tokens, actions) {
  const swatch = element("span", "vl-swatch");
  const value = element("b", "vl-value");
  const node = element("button", "vl-chip vl-token-chip", { type: "button", "data-token": token }, swatch, element("span", "vl-chip-who", {}, brief(name)), value);
  node.disabled = tokens.position(token) === null;
  setAttributes(node, { title: node.disabled ? `${name} is not in the sequence` : `${name}, token ${token}` });
  node.addEventListener("pointerenter", () => actions.pass(token));
  node.addEventListener("pointerleave", () => actions.pass(null));
  node.addEventListener("focus", () => node.matches(":focus-visible") && actions.pass(token));
  node.addEventListener("blur", () => actions.pass(null));
  node.addEventListener("click", () => actions.pin(token));
  return { node, swatch, value, token };
}

/** @param {ReturnType<typeof chip>} chip @param {import("./scene.js").Whose} whose @param {Scene} scene */
function draw({ swatch, value, token }, whose, scene) {
  const position = scene.tokens.position(token);
  if (position === null) return;
  const number = scene.maps.values(whose, scene.what)[position] ?? NaN;
  const scale = scene.scaleOf(whose, scene.what);
  swatch.style.background = `rgb(${overImage(scale, scale.place(number)).join()})`;
  value.textContent = relevance(number);
}
