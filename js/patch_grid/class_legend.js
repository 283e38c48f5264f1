// The classes present in the state shown: shares of the patches as a bar, and a list. Pointing at a
// class, or focusing it, makes its patches stand out.
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { counted } from "../lib/numbers.js";
import { classCounts } from "./classes.js";
import { labelNode } from "../lib/label_nodes.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./classes.js").ClassCount} ClassCount */

const MOST_LISTED = 12;
/** A class with a smaller share of the patches would be a hair's breadth in the bar. */
const SMALLEST_SHARE = 0.004;

/**
 * @param {Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function classLegend(actions) {
  const title = element("h3", "vl-title");
  const count = element("span", "vl-secondary");
  const shares = element("div", "vl-shares", { "aria-hidden": "true" });
  const list = element("ul", "vl-classes", { "aria-label": "Classes in this state" });
  const node = element("section", "vl-legend-classes", {}, element("div", "vl-head", {}, title, count), shares, list);
  listen(node, actions);

  const update = whenChanged(
    (s) => [s.state, s.reading, s.layout, s.dark],
    (scene) => {
      const counts = classCounts(scene.reading, scene.state);
      const side = scene.layout.mode === "side";
      title.textContent = side ? "Classes" : "Classes in this state";
      count.textContent = `patches${side ? "" : " by top answer"}, of ${scene.reading.nPatches}`;
      shares.hidden = side;
      const { first, rest, ground } = split(scene, counts);
      const others = sum(rest) ? element("div", "vl-share vl-others", { style: `flex-grow:${sum(rest)}` }) : null;
      fill(shares, ...first.map((entry) => share(scene, entry)), others, ...ground.map((entry) => share(scene, entry)));
      const more = element("li", "vl-more");
      const foldable = first.map((entry) => listed(scene, entry));
      fill(list, ...foldable, ...ground.map((entry) => listed(scene, entry)), more);
      foldOverflow(list, foldable, more, [...first, ...rest]);
    },
  );
  return { node, update };
}

/** The most frequent classes, the others, and background, which is no find and comes last. @param {Scene} scene @param {ClassCount[]} counts */
function split({ styles, reading }, counts) {
  const found = counts.filter(({ index }) => !styles(index).background);
  const ground = counts.filter(({ index }) => styles(index).background);
  const visible = found.filter(({ count }) => count >= SMALLEST_SHARE * reading.nPatches).length;
  const most = Math.min(MOST_LISTED, visible);
  return { first: found.slice(0, most), rest: found.slice(most), ground };
}

/** @param {ClassCount[]} counts */
const sum = (counts) => counts.reduce((total, { count }) => total + count, 0);

/** @param {Scene} scene @param {number} index */
function swatchAttributes({ styles }, index) {
  const { color, hatched, background } = styles(index);
  const kind = background ? " vl-background" : hatched ? " vl-hatched" : "";
  return { kind, style: background ? null : `--vl-class:${color}` };
}

/** @param {Scene} scene @param {ClassCount} entry */
function share(scene, { index, count }) {
  const { kind, style } = swatchAttributes(scene, index);
  const node = element("div", `vl-share${kind}`, { "data-class": index, style });
  node.style.flexGrow = String(count);
  return node;
}

/** @param {Scene} scene @param {ClassCount} entry */
function listed(scene, { index, count }) {
  const { kind, style } = swatchAttributes(scene, index);
  const label = scene.reading.label(index);
  const filled = element("span", "vl-bar-filled");
  filled.style.width = `${(100 * count) / scene.reading.nPatches}%`;
  return element(
    "li",
    "",
    {},
    element(
      "button",
      `vl-class${kind}`,
      { type: "button", "data-class": index, style },
      element("span", "vl-swatch"),
      label.emoji || !scene.reading.hasEmoji ? null : element("span", "vl-dot", { "aria-hidden": "true" }, "·"),
      labelNode(label),
      element("b", "vl-number", {}, String(count)),
      element("span", "vl-bar", {}, filled),
    ),
  );
}

/**
 * Keeps the list inside its fixed height; its last entry says how many more classes there are.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} items
 * @param {HTMLElement} more
 * @param {ClassCount[]} counts  of the items, and of the classes beyond them
 */
function foldOverflow(list, items, more, counts) {
  const overflows = () => list.scrollHeight > list.clientHeight + 1;
  let shown = items.length;
  const say = () => {
    const rest = counts.slice(shown);
    more.hidden = rest.length === 0;
    more.textContent = `+ ${rest.length} more, ${counted(sum(rest), "patch", "patches")}`;
  };
  for (say(); shown > 1 && overflows(); say()) items[--shown]?.toggleAttribute("hidden", true);
}

/** @param {HTMLElement} node @param {Actions} actions */
function listen(node, actions) {
  /** @param {Event} event */
  const classAt = ({ target }) => {
    const found = target instanceof Element ? target.closest("[data-class]") : null;
    return found ? Number(found.getAttribute("data-class")) : null;
  };
  for (const type of ["pointerover", "focusin"]) node.addEventListener(type, (event) => actions.highlight(classAt(event)));
  for (const type of ["pointerleave", "focusout"]) node.addEventListener(type, () => actions.highlight(null));
  node.addEventListener("click", (event) => {
    const index = classAt(event);
    if (index !== null) actions.choose({ target: index });
  });
}
