// The tokens that are no patches, before the image, each with its share; and the patches' sum.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { probability } from "../lib/numbers.js";
import { anchorOf, heatOf } from "./heat.js";
import { brief } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/**
 * @param {import("./tokens.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function chips(tokens, actions) {
  const many = tokens.nPrefix > 2;
  const all = tokens.prefix.map((name, token) => chip(name, token, tokens, actions));
  const sum = element("span", "vl-patch-sum");
  const attributes = { role: "group", "aria-label": "Prefix tokens", "data-many": String(many) };
  const node = element("div", "vl-token-chips", attributes, ...all.map((one) => one.node), sum);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.pair, s.pinned, s.focus, s.choices.direction], (s) => all.forEach((one) => mark(one, s, many))),
    whenChanged((s) => [s.pair, s.what, s.choices.direction, s.arrivals], (s) => {
      const line = anchorLine(s);
      all.forEach((one) => (one.value.textContent = valueText(line, one.token, s)));
      fill(sum, ...sumParts(line, s));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {string} name @param {number} token @param {import("./tokens.js").Tokens} tokens @param {import("./scene.js").Actions} actions */
function chip(name, token, tokens, actions) {
  const swatch = element("span", "vl-swatch");
  const role = element("span", "vl-role");
  const value = element("b", "vl-value");
  const node = element("button", "vl-chip vl-token-chip", { type: "button", "data-token": token }, swatch, element("span", "vl-chip-who", {}, brief(name)), value, role);
  node.disabled = tokens.position(token) === null;
  setAttributes(node, { title: node.disabled ? `${name} is not in the sequence` : `${name}, token ${token}` });
  node.addEventListener("pointerenter", () => actions.passToken(token));
  node.addEventListener("pointerleave", () => actions.passToken(null));
  node.addEventListener("focus", () => node.matches(":focus-visible") && actions.passToken(token));
  node.addEventListener("blur", () => actions.passToken(null));
  node.addEventListener("click", () => actions.pinToken(token));
  return { node, swatch, role, value, token };
}

/** @typedef {ReturnType<typeof chip>} Chip */

/** Colour, role, and whether it is pinned. @param {Chip} chip @param {Scene} scene @param {boolean} many  there is room for a letter only */
function mark({ node, swatch, role, token }, scene, many) {
  const { pair, pinned } = scene;
  const tint = heatOf(scene)?.(token);
  swatch.style.background = tint ? `rgb(${tint & 255},${(tint >> 8) & 255},${(tint >> 16) & 255})` : "";
  const roles = [pair.query === token && "query", pair.key === token && "key"].filter(Boolean);
  role.textContent = roles.map((one) => (many && one ? one.charAt(0) : one)).join(many ? "=" : " = ");
  setAttributes(role, { title: many ? roles.join(" and ") : null });
  const isPinned = pinned.query === token || pinned.key === token;
  setAttributes(node, { "aria-pressed": String(isPinned), "data-role": roles[0] });
}

/**
 * The exact row or column shown on the image; null while it is on its way.
 * @param {Scene} scene
 */
function anchorLine(scene) {
  const { tokens, what, exact, choices } = scene;
  const anchor = anchorOf(scene);
  const at = anchor === null ? null : tokens.position(anchor);
  if (at === null) return undefined;
  return choices.direction === "to" ? exact.row(what, at) : exact.column(what, at);
}

/** @param {Float32Array | null | undefined} line @param {number} token @param {Scene} scene */
function valueText(line, token, { tokens, focus, what, exact }) {
  const position = tokens.position(token);
  if (line === undefined || position === null) return "";
  if (line === null) return exact.missing;
  const value = line[position] ?? NaN;
  return what.kind === "scores" && what.show !== "rollout" ? (focus?.scale.write(value) ?? "") : probability(value, 3);
}

/** What all patches have together; scores do not add up to anything. @param {Float32Array | null | undefined} line @param {Scene} scene */
function sumParts(line, { tokens, what, choices, exact }) {
  if (line === undefined) return [];
  if (what.kind === "scores" && what.show !== "rollout") return [];
  const sum = line?.subarray(tokens.nBefore).reduce((total, value) => total + value, 0);
  const text = sum === undefined ? exact.missing : probability(sum, 3);
  const words = choices.direction === "to" ? "patches" : "from patches";
  return [`${words} `, element("b", "vl-value", {}, text)];
}
