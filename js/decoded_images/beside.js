// Beside the large picture: where the same head looks, and the same with another seed.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { colorAt, magma } from "../lib/colormaps.js";
import { probability } from "../lib/numbers.js";
import { MAP_GROUND, prepared } from "../lib/tinting.js";
import { pictureCanvas, put } from "./canvas.js";
import { cosine, seedName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Other seeds that have room. */
const MOST = 2;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function beside(meta, actions) {
  const canvas = pictureCanvas("vl-looks", "attention");
  const top = element("span");
  const ramp = element("canvas", "vl-ramp", { width: 256, height: 1, "aria-hidden": "true" });
  paintRamp(ramp);
  const read = meta.readout_name;
  const caption = element("figcaption", "vl-hint", { title: `attention of what is read: ${read}` }, `attention of ${read}`);
  const looks = element("figure", "vl-beside-one", {}, caption, canvas, ramp, element("span", "vl-ramp-ends vl-hint", {}, element("span", "", {}, "0"), top));
  const seeds = Array.from({ length: Math.min(MOST, meta.seeds.length - 1) }, () => other(actions));
  const node = element("div", "vl-beside", {}, looks, ...seeds.map((one) => one.node));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.made, s.chosen], (s) => {
      const found = s.chosen.column >= 0 && s.chosen.column < meta.n_heads ? s.made.attention(s.chosen.layer, s.chosen.column) : null;
      looks.hidden = !found;
      if (!found) return;
      tint(canvas, s.made.input, found.weights, meta);
      top.textContent = probability(found.top);
      canvas.setAttribute("aria-label", `attention of ${read} in this head, at most ${probability(found.top)}`);
    }),
    whenChanged((s) => [s.layout], ({ layout }) => {
      const height = Math.round((layout.side * meta.input_size[0]) / meta.input_size[1]);
      Object.assign(canvas.style, { width: `${layout.side}px`, height: `${height}px` });
      for (const one of seeds) Object.assign(one.canvas.style, { width: `${layout.side}px`, height: `${Math.round((layout.side * meta.size[0]) / meta.size[1])}px` });
    }),
    whenChanged((s) => [s.made, s.singles, s.chosen, s.choices.strength, s.choices.seed, s.choices.image], (s) => {
      const others = meta.seeds.map((_, seed) => seed).filter((seed) => seed !== s.choices.seed);
      seeds.forEach((one, i) => one.show(s, /** @type {number} */ (others[i])));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** The same with another seed: a click makes it the one that is large. @param {import("./scene.js").Actions} actions */
function other(actions) {
  const canvas = pictureCanvas();
  const [name, number] = [element("span", "vl-hint"), element("span", "vl-beside-number")];
  const button = element("button", "vl-beside-picture", { type: "button" }, canvas);
  const node = element("div", "vl-beside-one", {}, name, button, number);
  let shown = 0;
  button.addEventListener("click", () => actions.choose({ seed: shown }));
  return {
    node,
    canvas,
    /** @param {Scene} scene @param {number} seed */
    show: (scene, seed) => {
      shown = seed;
      const found = scene.single({ ...scene.chosen, seed });
      put(canvas, found);
      button.classList.toggle("vl-is-coming", !found);
      name.textContent = seedName(scene.meta, seed);
      number.textContent = found ? cosine(found.similarity) : "";
      button.setAttribute("aria-label", `Show ${seedName(scene.meta, seed)} large${found ? `; similarity to the input ${cosine(found.similarity)}` : ""}`);
    },
  };
}

/** @param {HTMLCanvasElement} canvas */
function paintRamp(canvas) {
  const pixels = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) pixels.data.set([...colorAt(magma, i / 255), 255], 4 * i);
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** Lays weights over the grey picture. @param {HTMLCanvasElement} canvas @param {import("./scene.js").Picture} input @param {number[]} weights  0..1 @param {import("./scene.js").Meta} meta */
function tint(canvas, { rgb, width, height }, weights, { rows, cols }) {
  const out = prepared(rgb, MAP_GROUND);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height) * cols;
    for (let x = 0; x < width; x++, at += 4) {
      const weight = weights[row + Math.floor((x * cols) / width)] ?? 0;
      const [color, opacity] = [colorAt(magma, weight), 0.36 + 0.54 * weight];
      for (let c = 0; c < 3; c++) out[at + c] = /** @type {number} */ (out[at + c]) * (1 - opacity) + /** @type {number} */ (color[c]) * opacity;
    }
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.putImageData(new ImageData(out, width, height), 0, 0);
}
