// The two images, what the model answers to each, and how far apart they are.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { labelNode } from "../lib/label_nodes.js";
import { decimal, probability } from "../lib/numbers.js";
import { metricWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Answers of each image, by the room beside it. */
const MOST = { few: 4, many: 5 };

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function pairView(meta) {
  const ones = [0, 1].map((which) => oneImage(meta, which));
  const caption = element("span", "vl-secondary");
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "The pair"), caption);
  const node = element("section", "vl-pair-of-images", { "aria-label": "The pair" }, head, element("div", "vl-pair-images", {}, ...ones.map((one) => one.node)));
  const say = whenChanged((/** @type {Scene} */ s) => [s.effects.of], ({ effects }) => {
    const words = [effects.of.covered_words, meta.caption].filter(Boolean).join(" · ");
    fill(caption, words || "the model’s answers");
    setAttributes(caption, { title: words });
  });
  return { node, update: (scene) => [say, ...ones.map((one) => one.update)].forEach((draw) => draw(scene)) };
}

/** @param {import("./scene.js").Meta} meta @param {number} which */
function oneImage(meta, which) {
  const name = meta.names[which] ?? "";
  const canvas = element("canvas", "vl-canvas", { role: "img", "aria-label": `${name}: the image as the model saw it` });
  const difference = element("span", "vl-pair-difference");
  const title = element("div", "vl-pair-name", {}, element("b", "vl-name", { title: name }, name), difference);
  const list = element("ol", "vl-pair-answers");
  const node = element("div", "vl-pair-image", {}, canvas, element("div", "vl-pair-words", {}, title, list));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.pair, s.layout.thumb, s.ratio], (s) => {
      const longer = Math.max(meta.rows, meta.cols);
      const [width, height] = [meta.cols, meta.rows].map((n) => Math.round((s.layout.thumb * n) / longer));
      drawPicture(canvas, s, which, width ?? 1, height ?? 1);
    }),
    whenChanged((s) => [s.pair, s.effects.of, s.classes], (s) => {
      const { target, against } = s.effects.of;
      fill(difference, element("span", "vl-name", { title: metricWords(s) }, metricWords(s)), " ", element("b", "", {}, decimal(s.pair.metric(which, target, against))));
    }),
    whenChanged((s) => [s.pair, s.classes, s.layout.thumb], (s) => fill(list, ...answers(s, which))),
  ];
  return { node, update: (/** @type {Scene} */ scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {HTMLCanvasElement} canvas @param {Scene} scene @param {number} which @param {number} width @param {number} height */
function drawPicture(canvas, { pair, ratio }, which, width, height) {
  setAttributes(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pixels = pair.grounds[which]?.copy("plain", canvas.width, canvas.height);
  if (pixels) canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** @param {Scene} scene @param {number} which */
function answers({ pair, classes, layout }, which) {
  const all = pair.probabilities[which] ?? new Float32Array();
  const count = Math.min(all.length, layout.thumb > 100 ? MOST.many : MOST.few);
  const order = Array.from(all.keys()).sort((a, b) => (all[b] ?? 0) - (all[a] ?? 0)).slice(0, count);
  return order.map((index, place) => {
    const p = all[index] ?? 0;
    const filled = element("span", "vl-bar-filled");
    filled.style.width = `${100 * p}%`;
    const label = labelNode(classes.label(index), place === 0 ? "vl-name vl-strong" : "vl-name");
    const number = element("span", place === 0 ? "vl-number vl-strong" : "vl-number", {}, probability(p));
    return element("li", "vl-pair-answer", {}, label, number, element("span", "vl-bar", {}, filled));
  });
}
