// One state on the image: what each token is worth, or where the chosen head looks. Patches are pinned
// by a click, exchanged by another one, and by dragging several at once.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { patchCells, placeRing, ring, select, sizePicture, SMALLEST_FLAGGED } from "../lib/patch_cells.js";
import { ofTokens, rectangle } from "./places.js";
import { about, cellColor, css, share } from "./shades.js";
import { drawCover, drawLooks, drawState, mostOf } from "./token_paint.js";
import { tokenLegend } from "./token_legend.js";
import { shortName, stateName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @type {[string, string]} */
const COVER = ["cover", "cover"];

const TITLES = { effect: "Exchange one token", looks: "Where it looks", cover: "Cover patches" };

/**
 * @param {import("./scene.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 * @param {boolean} canCover  the other image is this one with patches covered
 * @returns {import("./scene.js").Part}
 */
export function tokenMap(tokens, actions, canCover) {
  const title = element("h3", "vl-title");
  const where = element("span", "vl-secondary");
  const view = segments("", "What the picture shows", [["effect", "effect"], ["looks", "attention"], ...(canCover ? [COVER] : [])], (one) => actions.show(/** @type {any} */ (one)));
  const chips = element("div", "vl-token-line");
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const cells = patchCells(tokens, "Patches; arrows move, Enter pins and then exchanges", {
    pass: (token) => actions.pass(token === null ? null : { token }),
    choose: (token) => actions.pressToken(token),
  });
  const [pinned, passing] = [ring("vl-ring-pinned"), ring("vl-ring-passing")];
  const group = element("div", "vl-group", { hidden: true });
  const picture = element("div", "vl-picture", {}, canvas, element("div", "vl-gridlines"), cells.node, group, passing, pinned);
  const legend = tokenLegend();
  const node = element("section", "vl-tokens", { "aria-label": "Exchange one token" }, element("div", "vl-head", {}, title, where, view.node), chips, picture, legend.node);
  const drag = dragging(cells.node, tokens, group, actions);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.view, s.choices.layer, s.choices.head], (s) => {
      view.show(s.view);
      title.textContent = TITLES[s.view];
      const { head, layer } = s.choices;
      where.textContent = { looks: `${shortName(head, layer)}, asked from what is read`, effect: stateName(layer), cover: "by hand" }[s.view];
      drag.covers = s.view === "cover";
    }),
    whenChanged((s) => [s.layout, s.ratio], (s) => {
      sizePicture(picture, s.layout.cell, tokens);
      setAttributes(canvas, { width: Math.round(s.layout.cell * tokens.cols * s.ratio), height: Math.round(s.layout.cell * tokens.rows * s.ratio) });
      pinned.classList.toggle("vl-flagged", s.layout.cell >= SMALLEST_FLAGGED);
      drag.cell = s.layout.cell;
    }),
    whenChanged((s) => [s.view === "looks" ? s.looks : s.effects, s.view, s.view === "effect" && s.choices.layer, s.pair, s.layout, s.ratio], (s) => {
      if (s.view === "effect") drawState(canvas, s, s.choices.layer);
      else if (s.view === "cover") drawCover(canvas, s);
      else drawLooks(canvas, s, (position) => s.looks.values[position] ?? 0, mostOf(s.looks.values, tokens.nBefore));
    }),
    whenChanged((s) => [s.effects, s.choices.layer, s.choices.token, s.choices.exchanged], (s) => fill(chips, ...chipsOf(s, actions))),
    whenChanged((s) => [s.choices.token, s.layout], (s) => {
      placeRing(pinned, s.choices.token, tokens, s.layout.cell);
      select(cells.all, (patch) => tokens.nPrefix + patch === s.choices.token);
    }),
    whenChanged((s) => [s.passing, s.layout], (s) => placeRing(passing, passedToken(s), tokens, s.layout.cell)),
    whenChanged((s) => [s.effects, s.choices.layer], (s) => cells.all.forEach((cell, patch) => setAttributes(cell, { "aria-label": labelOf(s, tokens.nPrefix + patch) }))),
    whenChanged((s) => [s.choices.layer], (s) => void (drag.layer = s.choices.layer)),
  ];
  return { node, update: (scene) => [...drawings, legend.update].forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
export const passedToken = ({ passing }) => (passing !== null && "token" in passing ? passing.token : null);

/** @param {Scene} scene @param {number} token */
function labelOf({ tokens, effects, choices }, token) {
  const position = tokens.position(token);
  if (position === null) return `${tokens.describe(token)}: not in the sequence`;
  const { share: exact, estimate } = effects.token(choices.layer, position);
  return `${tokens.describe(token)}: ${Number.isNaN(exact) ? `estimated ${share(estimate)}` : `${share(exact)} of the way`}`;
}

/** A chip for each token before the patches, and one for all patches. @param {Scene} scene @param {import("./scene.js").Actions} actions */
function chipsOf({ tokens, effects, choices, dark }, { pressToken, exchange, pass }) {
  const { layer } = choices;
  const many = tokens.nBefore > 2;
  const chips = Array.from({ length: tokens.nBefore }, (_, position) => {
    const token = tokens.token(position);
    const node = chip(many ? brief(tokens.describe(token)) : tokens.describe(token), effects.token(layer, position), effects.tokenEnd, dark);
    setAttributes(node, { "aria-pressed": choices.token === token ? "true" : "false", title: `${tokens.describe(token)}: click pins, and then exchanges it` });
    node.addEventListener("click", () => pressToken(token));
    node.addEventListener("pointerenter", () => pass({ token }));
    node.addEventListener("pointerleave", () => pass(null));
    return node;
  });
  const all = chip("all patches", effects.group(layer), null, dark);
  const patches = tokens.tokens.slice(tokens.nBefore);
  setAttributes(all, { title: "Exchange all patches of this state together" });
  all.classList.add("vl-push");
  all.addEventListener("click", () => exchange(ofTokens(layer, patches)));
  return [...chips, all];
}

/** "r1" of "register 1". @param {string} name */
const brief = (name) => name.replace(/^register /, "r");

/** @param {string} name @param {import("./effects.js").Effect} effect @param {number | null} end  of the scale; null has no colour @param {boolean} dark */
function chip(name, effect, end, dark) {
  const swatch = element("span", "vl-token-swatch", { "aria-hidden": "true" });
  const isKnown = !Number.isNaN(effect.share);
  const shown = isKnown ? effect.share : effect.estimate;
  if (end !== null && !Number.isNaN(shown)) swatch.style.background = css(cellColor(shown, end, dark));
  swatch.classList.toggle("vl-known", isKnown);
  const number = element("b", isKnown ? "" : "vl-quiet", {}, about(effect));
  return element("button", "vl-token-chip", { type: "button" }, end === null ? null : swatch, element("span", "", {}, name), number);
}

/** Several patches by dragging over them. @param {HTMLElement} grid @param {import("./scene.js").Tokens} tokens @param {HTMLElement} mark @param {import("./scene.js").Actions} actions */
function dragging(grid, tokens, mark, { cover, exchange }) {
  const drag = { cell: 1, layer: 0, covers: false };
  /** @type {number | null} */
  let from = null;
  let to = 0;
  const tokenAt = (/** @type {PointerEvent} */ { clientX, clientY }) => {
    const box = grid.getBoundingClientRect();
    const at = (/** @type {number} */ offset, /** @type {number} */ count) => Math.min(count - 1, Math.max(0, Math.floor(offset / drag.cell)));
    return tokens.nPrefix + at(clientY - box.top, tokens.rows) * tokens.cols + at(clientX - box.left, tokens.cols);
  };
  const end = () => {
    from = null;
    mark.hidden = true;
  };
  grid.addEventListener("pointerdown", (event) => {
    if (event.button === 0) from = to = tokenAt(event);
  });
  grid.addEventListener("pointermove", (event) => {
    if (from === null || tokenAt(event) === to) return;
    to = tokenAt(event);
    grid.setPointerCapture(event.pointerId); // from here on it is no click
    showGroup(mark, from, to, tokens, drag.cell);
  });
  grid.addEventListener("pointerup", () => {
    const [first, last] = [from, to];
    end();
    if (first === null || first === last) return;
    const chosen = rectangle(first, last, tokens).filter((token) => tokens.position(token) !== null);
    if (chosen.length) drag.covers ? cover(chosen) : exchange(ofTokens(drag.layer, chosen));
  });
  grid.addEventListener("pointercancel", end);
  return drag;
}

/** @param {HTMLElement} mark @param {number} from @param {number} to @param {import("./scene.js").Tokens} tokens @param {number} cell */
function showGroup(mark, from, to, { cols, nPrefix }, cell) {
  const all = rectangle(from, to, { cols, nPrefix });
  const [first, last] = [(all[0] ?? 0) - nPrefix, (all.at(-1) ?? 0) - nPrefix];
  const [left, top] = [(first % cols) * cell, Math.floor(first / cols) * cell];
  mark.hidden = false;
  Object.assign(mark.style, { left: `${left}px`, top: `${top}px`, width: `${((last % cols) + 1) * cell - left}px`, height: `${(Math.floor(last / cols) + 1) * cell - top}px` });
}
