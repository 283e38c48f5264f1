// The faithfulness curve, which is the slider of the circuit's size: what share of the gap circuits of
// each size keep. Solid: the least needed edges taken away, by exact runs; dashed: by gradient rank.
import { element, fill, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { labelNode } from "../lib/label_nodes.js";
import { probability } from "../lib/numbers.js";
import { svg } from "../lib/svg.js";
import { share as shareText } from "./shades.js";
import { nearest, placeOf, rangeOf, sharesFor, sizeAt, sizeOfKey, ticksFor } from "./sizes.js";

/** @typedef {import("./circuit.js").Drawn} Drawn */

const TOP = 24; // above the curve stands what it is of
const SPAN = 56;
const AXIS = TOP + SPAN + 12;
const HEIGHT = AXIS + 26;

/** Beside the curve its words have so much room; below this width they stand under it. */
const WORDS = 176;
const BESIDE = 760;

/** @param {{ chooseSize: (size: number) => void }} actions */
export function sizeCurve({ chooseSize }) {
  const plot = svg("svg", { class: "vl-sizes-plot", height: HEIGHT, "aria-hidden": "true" });
  const slider = element("div", "vl-sizes", { role: "slider", tabindex: 0, "aria-label": "Size of the circuit, edges", "aria-valuemin": 1 }, plot);
  const words = element("div", "vl-sizes-words");
  /** @type {Drawn | null} */
  let shown = null;
  const choose = (/** @type {number | null} */ size) => {
    if (size !== null && size !== shown?.size) chooseSize(size);
  };
  listen(slider, () => shown, choose);
  const drawing = whenChanged((/** @type {Drawn} */ s) => [s.columns, s.live, s.exact, s.ranked, s.random, s.nEdges, s.labelOf], (s) => {
    setAttributes(plot, { width: frameOf(s).width });
    plot.replaceChildren(...drawn(s));
    words.style.minHeight = s.columns.width >= BESIDE ? "96px" : "52px"; // nothing moves when a size has more to say
    fill(words, ...wordsOf(s));
    setAttributes(slider, { "aria-valuemax": s.nEdges, "aria-valuenow": s.size, "aria-valuetext": spoken(s) });
  });
  return {
    node: element("div", "vl-sizes-line", {}, slider, words),
    /** @param {Drawn} drawn */
    show(drawn) {
      shown = drawn;
      drawing(drawn);
    },
    /** The same keys, pressed elsewhere in the circuit. @param {string} key */
    onKey(key) {
      const size = shown && sizeOfKey(key, shown.exact.sizes, shown.size);
      choose(size);
      return size !== null;
    },
  };
}

/** The plot begins where the layers do; beside it stand the words. @param {Drawn} s */
function frameOf({ columns }) {
  const width = columns.width >= BESIDE ? columns.width - WORDS - 24 : columns.width - 8;
  const [left, right] = [columns.start - 3, width - 12];
  return { width, left, right, x: (/** @type {number} */ place) => left + place * (right - left) };
}

/** @param {Drawn} s */
function drawn(s) {
  const { exact, ranked, size, nEdges: all } = s;
  const { left, right, x } = frameOf(s);
  const { low, high } = rangeOf([exact, ranked]);
  const y = (/** @type {number} */ share) => TOP + SPAN * (1 - (Math.min(high, Math.max(low, share)) - low) / (high - low));
  const at = exact.sizes[nearest(exact.sizes, size)];
  const kept = exact.kept[nearest(exact.sizes, size)] ?? NaN;
  const line = (/** @type {import("./sizes.js").Tried} */ { sizes, kept }, /** @type {string} */ kind) =>
    svg("polyline", { class: `vl-kept ${kind}`, points: Array.from(sizes, (one, i) => `${x(placeOf(one, all)).toFixed(1)},${y(kept[i] ?? 0).toFixed(1)}`).join(" ") });
  const handle = x(placeOf(at ?? size, all));
  return [
    ...sharesFor({ low, high }, SPAN).flatMap((share) => shareLine(share, y(share), left, right, share === -1 || share === 2)),
    svg("text", { class: "vl-half", x: left, y: TOP - 12 }, "share of the gap kept"),
    ...(ranked ? [line(ranked, "vl-by-rank")] : []),
    line(exact, "vl-exact"),
    svg("line", { class: "vl-size-track", x1: left, x2: right, y1: AXIS, y2: AXIS }),
    svg("line", { class: "vl-size-done", x1: left, x2: handle, y1: AXIS, y2: AXIS }),
    svg("line", { class: "vl-size-hair", x1: handle, x2: handle, y1: y(kept), y2: AXIS }),
    svg("circle", { class: "vl-size-point", cx: handle, cy: y(kept), r: 3.5 }),
    svg("circle", { class: "vl-size-knob", cx: handle, cy: AXIS, r: 6 }),
    svg("text", { class: "vl-tick-text", x: left, y: AXIS + 20 }, "1 edge"),
    ...ticksFor(all, right - left).map((one) => svg("text", { class: "vl-tick-text", x: x(placeOf(one, all)), y: AXIS + 20, "text-anchor": "middle" }, many(one))),
    svg("text", { class: "vl-tick-text", x: right, y: AXIS + 20, "text-anchor": "end" }, `all ${many(all)} edges`),
  ];
}

/** @param {number} share @param {number} y @param {number} left @param {number} right @param {boolean} isClipped */
const shareLine = (share, y, left, right, isClipped) => [
  svg("line", { class: "vl-gridline", x1: left, x2: right, y1: y, y2: y }),
  svg("text", { class: "vl-tick-text", x: left - 8, y: y + 4, "text-anchor": "end" }, (isClipped ? (share < 0 ? "≤ " : "≥ ") : "") + (Number.isInteger(share) || share === 0.5 ? String(share) : share.toFixed(1)).replace("-", "−")),
];

/** "11,704". @param {number} n */
const many = (n) => n.toLocaleString("en-US");

/** @param {Drawn} s */
function wordsOf(s) {
  const { size, kept, without, answer, random } = factsOf(s);
  const count = s.live.length;
  const key = (/** @type {string} */ kind, /** @type {string} */ text) => element("div", "vl-size-key", {}, element("i", kind), text);
  const keeps = [element("b", "", {}, many(count)), count === 1 ? " edge keeps " : " edges keep ", element("b", "", {}, shareText(kept))];
  return [
    element("div", "vl-size-facts", {}, element("div", "", {}, ...(count ? keeps : [noWay(size)])), ...(Number.isNaN(without) ? [] : [element("div", "", {}, "without them ", element("b", "", {}, shareText(without)))]), ...(answer ? [element("div", "vl-size-answer", {}, answer.index === s.labelTarget ? "still answers " : "answers ", labelNode(answer.label, "vl-name vl-strong"), " ", element("b", "", {}, probability(answer.probability)))] : [])),
    element("div", "vl-size-keys", {}, key("vl-key-exact", s.exactWords), ...(s.ranked ? [key("vl-key-ranked", "by gradient rank")] : []), ...(random ? [element("div", "", {}, `${random.count} random circuits ${random.size === size ? "of this size" : `of ${many(random.size)}`}: at most ${shareText(random.largest)}`)] : [])),
  ];
}

/** The first edges may lead nowhere yet. @param {number} size */
const noWay = (size) => `the first ${size === 1 ? "edge makes" : `${many(size)} edges make`} no way from the embedding to the answer yet`;

/** Of the size that is shown. @param {Drawn} s */
function factsOf({ exact, random, size, labelOf }) {
  const at = nearest(exact.sizes, size);
  const by = random ? nearest(random.sizes, size) : -1;
  const index = exact.answer?.[at];
  return {
    size: exact.sizes[at] ?? size,
    kept: exact.kept[at] ?? NaN,
    without: exact.without?.[at] ?? NaN,
    answer: index === undefined || index < 0 ? null : { index, label: labelOf(index), probability: exact.probability?.[at] ?? NaN },
    random: random && by >= 0 ? { count: random.count, size: random.sizes[by] ?? NaN, largest: random.largest[by] ?? NaN } : null,
  };
}

/** @param {Drawn} s */
function spoken(s) {
  const { size, kept, without, answer } = factsOf(s);
  const more = [Number.isNaN(without) ? "" : `, without them ${shareText(without)}`, answer ? `, the answer is ${answer.label.name} ${probability(answer.probability)}` : ""];
  const keeps = s.live.length ? `${many(s.live.length)} of ${many(s.nEdges)} edges keep ${shareText(kept)} of the gap` : noWay(size);
  return keeps + more.join("");
}

/** Dragging, clicking and keys. @param {HTMLElement} slider @param {() => Drawn | null} shown @param {(size: number | null) => void} choose */
function listen(slider, shown, choose) {
  const toPointer = (/** @type {PointerEvent} */ event) => {
    const s = shown();
    if (!s) return;
    const { left, right } = frameOf(s);
    const place = (event.clientX - slider.getBoundingClientRect().left - left) / (right - left);
    choose(s.exact.sizes[nearest(s.exact.sizes, sizeAt(place, s.nEdges))] ?? null);
  };
  slider.addEventListener("pointerdown", (event) => {
    slider.setPointerCapture(event.pointerId);
    toPointer(event);
  });
  slider.addEventListener("pointermove", (event) => {
    if (slider.hasPointerCapture(event.pointerId)) toPointer(event);
  });
  slider.addEventListener("keydown", (event) => {
    const s = shown();
    const size = s && sizeOfKey(event.key, s.exact.sizes, s.size);
    if (size === null) return;
    event.preventDefault();
    event.stopPropagation();
    choose(size);
  });
}
