// What a feature writes, which heads read it, and which features are like it.
import { whenChanged } from "../lib/changes.js";
import { blueOrange, colorAt, onPage } from "../lib/colormaps.js";
import { segments } from "../lib/controls.js";
import { element, fill } from "../lib/dom.js";
import { emojiNode } from "../lib/label_nodes.js";
import { nameNodes } from "./name_node.js";
import { share, signed } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Kind} Kind */

const WAYS = ["moves it", "looks for it", "asks with it"];
/** Bold from here: so much more than a random direction. */
const MUCH = 1.2;
/** Heights of the table, px: of a row, and of all above and below. */
const ROW = 24;
const HEAD = 106;
/** Of the colour scale, log2. */
const END = 1;

/** @param {string} title @param {string} hint @param {...HTMLElement} rest */
const section = (title, hint, ...rest) => element("section", "vl-tell", { "aria-label": title }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, title), element("span", "vl-hint", {}, hint)), ...rest);

/** Draws a look when it is there, or why there is none. @param {Kind} kind @param {HTMLElement} area @param {(scene: Scene, found: import("./scene.js").Found) => (HTMLElement | null)[]} nodesOf */
const drawLook = (kind, area, nodesOf) =>
  whenChanged((/** @type {Scene} */ s) => [s.look(kind), s.id, s.dark, s.layout, s.meta.has_classes ? 0 : s.arrived], (s) => {
    const found = s.look(kind);
    if (isMissing(area, s, found) || !found) return;
    fill(area, ...(found.why ? [element("p", "vl-why", {}, found.why)] : nodesOf(s, found)));
  });

/** Says so where a look is not there yet; what was there before stays, fainter. @param {HTMLElement} area @param {Scene} scene @param {import("./scene.js").Found | null} found */
function isMissing(area, { canAsk }, found) {
  if (!found && (!canAsk || !area.childElementCount)) fill(area, element("p", "vl-hint vl-to-come", {}, canAsk ? "on its way" : "not on this page"));
  area.classList.toggle("vl-coming", !found && !area.querySelector(".vl-to-come"));
  return !found;
}

/** @returns {Part} */
export function writes() {
  const area = element("div", "vl-writes");
  const node = section("It writes", "logit per 1 of activation", area);
  return { node, update: drawLook("writes", area, (_, { said }) => {
    const lines = (/** @type {[string, string, number][]} */ some) => some.map(([name, emoji, logit]) => line(name, emoji, logit, said.most));
    return [...lines(said.up), element("div", "vl-apart"), ...lines(said.down)];
  }) };
}

/** @param {string} name @param {string} emoji @param {number} logit @param {number} most */
function line(name, emoji, logit, most) {
  const bar = element("span", `vl-write-bar ${logit < 0 ? "vl-down" : "vl-up"}`);
  bar.style.width = `${(50 * Math.abs(logit)) / Math.max(most, 1e-9)}%`;
  return element("div", "vl-write", {}, emojiNode(emoji) ?? element("span", "vl-mark", {}, "·"), element("span", "vl-name", { title: name }, name), element("span", "vl-write-track", { "aria-hidden": "true" }, bar), element("span", "vl-number", {}, signed(logit)));
}

/** @returns {Part} */
export function readers() {
  const area = element("div", "vl-readers");
  let way = 0;
  /** @type {Scene | null} */
  let shown = null;
  const choice = segments("", "Which weights", WAYS.map((words, i) => [String(i), words]), (value) => {
    way = Number(value);
    if (shown) draw(shown);
  });
  choice.node.hidden = true;
  const node = section("Heads that read it", "", choice.node, area);
  const draw = (/** @type {Scene} */ s) => {
    const found = s.look("readers");
    if (isMissing(area, s, found) || !found) return;
    const [nLater, nHeads] = found.why ? [0, 0] : /** @type {[number, number]} */ (found.said.shape);
    choice.node.hidden = nLater < 2;
    choice.show(String(way));
    if (found.why || !nLater) return fill(area, element("p", "vl-why", {}, found.why || "No head comes later."));
    fill(area, ...cells(s, found, nLater, nHeads, way));
  };
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.layer], (s) => {
      const later = s.meta.n_layers - 1 - s.choices.layer; // room for what comes a little later
      node.style.minHeight = `${HEAD + ROW * (later > 1 ? later : WAYS.length)}px`;
    }),
    whenChanged((s) => [s.look("readers"), s.dark, s.layout], (/** @type {Scene} */ s) => draw((shown = s))),
  ];
  return { node, update: (scene) => drawings.forEach((one) => one(scene)) };
}

/** Of one later layer a row a way, of several the layers and heads of one way. @param {Scene} scene @param {import("./scene.js").Found} found @param {number} nLater @param {number} nHeads @param {number} way */
function cells(scene, { said, arrays }, nLater, nHeads, way) {
  const isOne = nLater === 1;
  const rows = isOne ? WAYS.map((words, i) => ({ words, at: (/** @type {number} */ head) => head * 3 + i })) : Array.from({ length: nLater }, (_, i) => ({ words: `L${said.first + i}`, at: (/** @type {number} */ head) => (i * nHeads + head) * 3 + way }));
  const isNumbered = nHeads <= 6;
  const table = element("div", `vl-reader-table ${isNumbered ? "" : "vl-fine-cells"}`, { role: "table", "aria-label": "Norm through the head's weights, over that of random directions" });
  table.style.gridTemplateColumns = `max-content repeat(${nHeads}, ${isNumbered ? "minmax(30px, 38px)" : "minmax(8px, 24px)"})`;
  const heads = Array.from({ length: nHeads }, (_, head) => element("span", "vl-hint vl-reader-head", { role: "columnheader" }, isNumbered ? (isOne ? `L${said.first} H${head}` : `H${head}`) : head % 4 === 0 ? `H${head}` : ""));
  fill(table, element("div", "vl-contents", { role: "row" }, element("span", "", { role: "columnheader" }), ...heads), ...rows.map(({ words, at }) => element("div", "vl-contents", { role: "row" }, element("span", "vl-hint vl-reader-row", { role: "rowheader" }, words), ...Array.from({ length: nHeads }, (_, head) => cell(arrays["readers"][at(head)], scene.dark, isNumbered)))));
  const about = isOne ? "by its value, key and query weights; 1: as much as a random direction" : "through the head’s weights; 1: as much as a random direction";
  return [table, element("p", "vl-hint", {}, about)];
}

/** @param {number} value @param {boolean} dark @param {boolean} isNumbered */
function cell(value, dark, isNumbered) {
  const place = 0.5 + Math.max(-1, Math.min(1, Math.log2(value) / END)) / 2;
  const color = colorAt(onPage(blueOrange, dark), place);
  const node = element("span", `vl-reader ${value >= MUCH ? "vl-much" : ""}`, { role: "cell", title: value.toFixed(2) }, isNumbered ? value.toFixed(2) : "");
  node.style.background = `rgb(${color.join()})`;
  const bright = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2];
  node.style.color = bright > 140 ? "#1b1b1b" : "#fff";
  if (!isNumbered) node.setAttribute("aria-label", value.toFixed(2));
  return node;
}

/** @param {import("./scene.js").Actions} actions @returns {Part} */
export function neighbours(actions) {
  const partners = element("div", "", { tabindex: -1, "aria-live": "polite" });
  const ask = element("button", "vl-button", { type: "button" }, "What fires with it?");
  const offer = element("div", "", {}, ask, element("p", "vl-hint", {}, "runs some of the images"));
  const alike = element("div", "vl-neighbour-side");
  const side = element("div", "vl-neighbour-side", {}, offer, partners);
  const node = section("Neighbours", "correlation; cosine", element("div", "vl-neighbours", {}, side, alike));
  let id = -1;
  ask.addEventListener("click", () => {
    actions.set({ partnersOf: id });
    partners.focus({ preventScroll: true }); // the button goes
  });
  node.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    if (button) actions.go(Number(button.getAttribute("data-id")));
  });
  const groups = (/** @type {Scene} */ scene, /** @type {import("./scene.js").Found} */ { said }) => said.groups.map((/** @type {[string, [number, number, number][]]} */ [name, some]) => group(scene, name, some));
  const offered = (/** @type {Scene} */ scene) => {
    id = scene.id;
    const isFound = scene.look("partners") !== null;
    const isOpen = scene.partnersOf === id || isFound;
    side.hidden = !scene.canAsk && !isFound; // a saved page runs no images
    offer.hidden = isOpen || Boolean(scene.look("neighbours")?.why); // which says why there are none
    partners.hidden = !isOpen;
  };
  const drawings = [offered, drawLook("partners", partners, groups), drawLook("neighbours", alike, groups)];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene @param {string} name @param {[number, number, number][]} some */
function group(scene, name, some) {
  const lines = some.map(([layer, feature, number]) => {
    const id = scene.catalogue.id(layer, feature);
    if (id < 0) return element("span", "vl-neighbour", {}, element("span", "vl-feature-name", {}, `L${layer} ${feature}`), element("b", "vl-number", {}, share(number)));
    return element("button", "vl-neighbour", { type: "button", "data-id": id }, ...nameNodes(scene, id, 2), element("b", "vl-number", {}, share(number)));
  });
  return element("div", "vl-neighbour-group", {}, element("p", "vl-hint", {}, name), ...(lines.length ? lines : [element("p", "vl-hint", {}, "none")]));
}
