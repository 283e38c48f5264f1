// The exchanged places: what each reads, what is answered after it alone, and all of them together.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { emojiNode } from "../lib/label_nodes.js";
import { counted, decimal, probability } from "../lib/numbers.js";
import { dumbbells } from "./dumbbells.js";
import { shareOf } from "./effects.js";
import { isSame } from "./places.js";
import { ruler } from "./ruler.js";
import { cellColor, css, share } from "./shades.js";
import { drawLooks, mostOf } from "./token_paint.js";
import { placeWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./places.js").Place} Place */

const SIDE = 42; // of the small picture, px

/** @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function exchangedList(actions) {
  const count = element("span", "vl-secondary");
  const clear = element("button", "vl-button vl-push", { type: "button" }, "Clear");
  clear.addEventListener("click", () => actions.choose({ exchanged: [] }));
  const columns = element("div", "vl-list-head vl-hint", {}, element("span", "", {}, "reads"), element("span", "", {}, "alone"));
  const rows = element("ul", "vl-list-rows");
  const together = element("div", "vl-together");
  const empty = element("p", "vl-hint vl-list-empty", {}, "Click a chosen cell or patch once more, or press Enter: it is exchanged, and the answer is shown here. Drag over patches to exchange several.");
  const [line, bells] = [ruler(), dumbbells()];
  const node = element("section", "vl-list", { "aria-label": "Exchanged" }, element("div", "vl-head", {}, element("h3", "vl-title", {}, "Exchanged"), count, clear), empty, columns, rows, together, line.node, bells.node);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.exchanged], (s) => {
      const n = s.choices.exchanged.length;
      count.textContent = n ? counted(n, "place", "places") : "nothing yet";
      empty.hidden = n > 0;
      for (const one of [clear, columns, rows, together, line.node, bells.node]) one.hidden = n === 0;
    }),
    whenChanged((s) => [s.choices.exchanged, s.exchange, s.effects, s.classes, s.reads, s.dark, s.ratio, s.choices.layer, s.row, s.choices.token], (s) => {
      keepingFocus(rows, () => fill(rows, ...s.choices.exchanged.map((/** @type {Place} */ place) => rowOf(place, s, actions))));
    }),
    whenChanged((s) => [s.passing], (s) => markPassed(rows, s)),
    whenChanged((s) => [s.exchange, s.effects, s.dark], (s) => fill(together, ...togetherOf(s))),
  ];
  return { node, update: (scene) => [...drawings, line.update, bells.update].forEach((draw) => draw(scene)) };
}

/** Rows are made anew; who had the focus in one has it in the same again. @param {HTMLElement} rows @param {() => void} draw */
function keepingFocus(rows, draw) {
  const held = document.activeElement;
  const key = held instanceof HTMLElement && rows.contains(held) ? held.closest("li")?.dataset["place"] : undefined;
  draw();
  if (key === undefined) return;
  const again = [...rows.children].find((row) => /** @type {HTMLElement} */ (row).dataset["place"] === key) ?? rows.lastElementChild;
  /** @type {HTMLElement | null | undefined} */ (again?.querySelector("button"))?.focus();
}

/** What the kernel knows of a place by itself. @param {Place} place @param {Scene} scene */
function aloneOf(place, { exchange }) {
  const at = exchange.places.findIndex((one) => isSame(one, place));
  return { at, alone: exchange.alone[at] ?? null };
}

/** @param {Place} place @param {Scene} scene @param {import("./scene.js").Actions} actions */
function rowOf(place, scene, { choose, remove, pass }) {
  const { at, alone } = aloneOf(place, scene);
  const { name, rest } = placeWords(place, scene.tokens);
  const canvas = element("canvas", "vl-canvas vl-read", { "aria-hidden": "true" });
  drawRead(canvas, place, at, scene);
  const words = element("button", "vl-list-words", { type: "button", title: "Choose it" }, element("span", "vl-list-name", {}, element("b", "", {}, name), ` ${rest}`), element("span", "vl-list-answer", {}, ...answer(alone?.[1] ?? null, alone?.[2] ?? null, scene)));
  words.addEventListener("click", () => choose(chosenBy(place)));
  const cross = element("button", "vl-button vl-remove", { type: "button", "aria-label": `Take out ${name}`, title: "Take out" }, "×");
  cross.addEventListener("click", () => remove(place));
  const row = element("li", "vl-list-row", { "data-place": JSON.stringify(place) }, canvas, words, ...valueOf(alone?.[0] ?? null, scene), cross);
  row.classList.toggle("vl-current", isChosen(place, scene));
  row.addEventListener("pointerenter", () => pass(passedBy(place)));
  row.addEventListener("pointerleave", () => pass(null));
  row.addEventListener("keydown", ({ key }) => {
    if (key === "Delete" || key === "Backspace" || key === "x") remove(place);
  });
  return row;
}

/** @param {Place} place @returns {import("./scene.js").Passing} */
function passedBy([kind, layer, what]) {
  if (kind === "tokens") return what.length === 1 ? { token: what[0] } : null;
  return { row: kind === "head" ? what : /** @type {"attention" | "mlp"} */ (kind), layer };
}

/** @param {Place} place @returns {Partial<import("./scene.js").Choices>} */
function chosenBy([kind, layer, what]) {
  if (kind === "tokens") return { layer, ...(what.length === 1 ? { token: what[0] } : {}) };
  return { layer, part: /** @type {"head" | "attention" | "mlp"} */ (kind), ...(kind === "head" ? { head: what } : {}) };
}

/** @param {Place} place @param {Scene} scene */
function isChosen([kind, layer, what], { choices, row }) {
  if (layer !== choices.layer) return false;
  return kind === "tokens" ? what.length === 1 && what[0] === choices.token : row === (kind === "head" ? what : kind);
}

/** @param {HTMLElement} rows @param {Scene} scene */
function markPassed(rows, { passing, choices }) {
  choices.exchanged.forEach((place, i) => {
    const own = passedBy(place);
    const isPassed = own !== null && passing !== null && JSON.stringify(own) === JSON.stringify(passing) && (!("token" in own) || place[1] === choices.layer);
    rows.children[i]?.classList.toggle("vl-passing", isPassed);
  });
}

/** @param {HTMLCanvasElement} canvas @param {Place} place @param {number} at @param {Scene} scene */
function drawRead(canvas, place, at, scene) {
  const { tokens, ratio, reads } = scene;
  const longer = Math.max(tokens.rows, tokens.cols);
  const [width, height] = [tokens.cols, tokens.rows].map((n) => Math.round((SIDE * n) / longer));
  setAttributes(canvas, { width: Math.round((width ?? 1) * ratio), height: Math.round((height ?? 1) * ratio) });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const weights = at < 0 ? new Uint8Array(tokens.n) : reads.subarray(at * tokens.n, (at + 1) * tokens.n);
  const plain = place[0] === "mlp" || place[0] === "attention";
  const most = mostOf(weights, tokens.nBefore);
  if (plain || most === 0) return drawLooks(canvas, scene, () => 0, 0);
  drawLooks(canvas, scene, (position) => weights[position] ?? 0, most);
}

/** "then dog 0.86". @param {number | null} top @param {number | null} p @param {Scene} scene */
function answer(top, p, { classes, canAsk }) {
  if (top === null || p === null) return [canAsk ? "exchanging …" : "not exchanged on this page"];
  const label = classes.label(top);
  return ["then ", emojiNode(label.emoji), element("span", "vl-name", { title: label.name }, label.name), " ", probability(p)];
}

/** A swatch and the share. @param {number | null} metric @param {Scene} scene */
function valueOf(metric, { effects, dark }) {
  const part = metric === null || !effects.of.has_gap ? NaN : shareOf(effects.ends, metric);
  const swatch = element("span", "vl-list-swatch", { "aria-hidden": "true" });
  if (!Number.isNaN(part)) swatch.style.background = css(cellColor(part, effects.partEnd, dark));
  return [swatch, element("b", "vl-number", {}, share(part))];
}

/** @param {Scene} scene */
function togetherOf(scene) {
  const { exchange, effects } = scene;
  if (!exchange.places.length) return [];
  const parts = exchange.alone.map(([metric]) => (metric === null ? NaN : shareOf(effects.ends, metric)));
  const sum = parts.reduce((a, b) => a + b, 0);
  const words = element("span", "vl-list-words", {}, element("b", "", {}, "together"), element("span", "vl-list-answer", {}, Number.isNaN(sum) ? "…" : `sum of the parts ${decimal(Number(sum.toFixed(2)))}`));
  return [element("span"), words, ...valueOf(exchange.together?.metric ?? null, scene)];
}
