// The nodes of a circuit, as buttons over its edges: one is in the order of tabs, arrows move among them.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { emojiNode } from "../lib/label_nodes.js";
import { firstLetters } from "../lib/labels.js";
import { EMBEDDING, nameOf, neighbour, partOf, textOf } from "./circuit_places.js";
import { cellColor, css, inkOn, share } from "./shades.js";
import { nearest } from "./sizes.js";

/** @typedef {import("./circuit.js").Drawn} Drawn */

/** @param {import("./circuit.js").Actions} actions */
export function circuitNodes(actions) {
  const node = element("div", "vl-nodes", { role: "group", "aria-label": "Nodes of the circuit" });
  /** @type {Map<number, HTMLButtonElement>} */
  const buttons = new Map();
  /** @type {Drawn | null} */
  let shown = null;
  /** @type {number} in the order of tabs */
  let current = EMBEDDING;
  listen(node, actions, (key, at) => shown && neighbour(shown.places, at, key), buttons, (at) => (current = at));
  const place = whenChanged((/** @type {Drawn} */ s) => [s.columns, s.live, s.nHeads], (s) => keepOnly(node, buttons, s.places));
  const color = whenChanged((/** @type {Drawn} */ s) => [s.columns, s.live, s.effects, s.scale, s.dark, s.exact, s.picture, s.labelOf, s.labelTarget, s.labelAgainst], (s) => {
    for (const [at, button] of buttons) dress(button, at, s);
  });
  return {
    node,
    /** @param {Drawn} drawn */
    show(drawn) {
      shown = drawn;
      place(drawn);
      color(drawn);
      if (!buttons.has(current)) current = EMBEDDING;
      for (const [at, button] of buttons) {
        const isPinned = at === drawn.pinned;
        button.classList.toggle("vl-passing", at === drawn.passing);
        setAttributes(button, { "aria-pressed": String(isPinned) });
        button.tabIndex = at === (drawn.pinned !== null && buttons.has(drawn.pinned) ? drawn.pinned : current) ? 0 : -1;
      }
    },
  };
}

/** One button for each node, none of those that are gone. @param {HTMLElement} node @param {Map<number, HTMLButtonElement>} buttons @param {Drawn["places"]} places */
function keepOnly(node, buttons, places) {
  for (const [at, button] of buttons) {
    if (places.has(at)) continue;
    button.remove();
    buttons.delete(at);
  }
  for (const [at, { x, y, width, height }] of places) {
    const button = buttons.get(at) ?? element("button", "vl-node", { type: "button", "data-node": at });
    button.style.cssText = `left: ${x - width / 2}px; top: ${y - height / 2}px; width: ${width}px; height: ${height}px;`;
    if (!buttons.has(at)) node.append(button);
    buttons.set(at, button);
  }
}

/** What a button shows. @param {HTMLButtonElement} button @param {number} at @param {Drawn} s */
function dress(button, at, s) {
  const part = partOf(s, at);
  button.classList.toggle("vl-node-end", part === null);
  if (!part) return at === EMBEDDING ? dressEmbedding(button, s) : dressAnswer(button, s);
  const effect = s.effects[at] ?? NaN;
  const color = cellColor(effect, s.scale, s.dark);
  button.style.background = Number.isNaN(effect) ? "" : css(color);
  button.style.color = Number.isNaN(effect) ? "" : inkOn(color);
  setAttributes(button, { "aria-label": `${nameOf(s, at)}, ${effectOf(s, at)}`, "data-unknown": Number.isNaN(effect), "data-mlp": part.head === null });
  fill(button, textOf(part, s.columns.pitch));
}

/** The image. @param {HTMLButtonElement} button @param {Drawn} s */
function dressEmbedding(button, s) {
  setAttributes(button, { "aria-label": "embedding" });
  fill(button, s.picture ?? element("span", "vl-node-blank"), element("span", "vl-node-under", {}, s.columns.start >= 100 ? "embedding" : "emb."));
}

/** The answer, with what the circuit keeps of it. @param {HTMLButtonElement} button @param {Drawn} s */
function dressAnswer(button, { labelOf, labelTarget, labelAgainst, exact, size }) {
  const sign = (/** @type {number} */ index) => emojiNode(labelOf(index).emoji) ?? firstLetters(labelOf(index).name, 3);
  const both = labelAgainst === null ? [sign(labelTarget)] : [sign(labelTarget), "−", sign(labelAgainst)];
  const kept = share(exact.kept[nearest(exact.sizes, size)] ?? NaN);
  const names = [labelTarget, labelAgainst].flatMap((index) => (index === null ? [] : [labelOf(index).name]));
  setAttributes(button, { "aria-label": `answer, ${names.join(" against ")}, ${kept} of the gap kept` });
  fill(button, element("span", "vl-node-signs", { "aria-hidden": "true" }, ...both), element("b", "vl-node-under", {}, kept));
}

/** @param {HTMLElement} node @param {import("./circuit.js").Actions} actions @param {(key: string, at: number) => number | null} next @param {Map<number, HTMLButtonElement>} buttons @param {(at: number) => void} setCurrent */
function listen(node, { passNode, pinNode }, next, buttons, setCurrent) {
  const nodeAt = (/** @type {Event} */ { target }) => {
    const button = target instanceof Element ? target.closest("[data-node]") : null;
    return button ? Number(button.getAttribute("data-node")) : null;
  };
  node.addEventListener("pointerover", (event) => passNode(nodeAt(event)));
  node.addEventListener("pointerleave", () => passNode(null));
  node.addEventListener("focusin", (event) => passNode(nodeAt(event)));
  node.addEventListener("focusout", () => passNode(null));
  node.addEventListener("click", (event) => {
    const at = nodeAt(event);
    if (at !== null) pinNode(at);
  });
  node.addEventListener("keydown", (event) => {
    const at = nodeAt(event);
    const to = at === null ? null : next(event.key, at);
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    setCurrent(to);
    const button = buttons.get(to);
    if (button) button.tabIndex = 0;
    button?.focus();
  });
}

/** What a node says of itself. @param {Drawn} s @param {number} node */
const effectOf = ({ effects }, node) => {
  const effect = effects[node] ?? NaN;
  return Number.isNaN(effect) ? "not exchanged yet" : `${share(effect)} of the way`;
};
