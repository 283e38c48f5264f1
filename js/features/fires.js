// The images that a feature fires on most, with the patches that it fires on.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { Grounds } from "../lib/grounds.js";
import { heat, outline, spotlight } from "./heat.js";
import { classMark } from "./name_node.js";
import { activation, grouped } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const MOST = 12;
const HINTS = {
  spotlight: "colour where it fires, grey where it does not; line: above half its largest; strongest first",
  heat: "orange where it fires; line: above half its largest; strongest first",
  plain: "line: above half its largest; strongest first",
};

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function fires(meta, actions) {
  const hint = element("span", "vl-hint");
  const tiles = Array.from({ length: MOST }, () => tile());
  const area = element("div", "vl-images", { role: "list", "aria-label": "Images it fires on most" }, ...tiles.map(({ node }) => node));
  const silent = element("p", "vl-empty", { hidden: true }, "It is never above 0 on these images: there are no pictures of it.");
  const node = element("section", "vl-fires", { "aria-label": "Fires most on" }, element("div", "vl-sub-head", {}, element("h4", "vl-sub-title", {}, "Fires most on"), hint), area, silent);
  /** @type {Grounds[]} */
  let grounds = [];
  tiles.forEach((one, i) => {
    one.canvas.addEventListener("pointermove", (event) => pointAt(event, i));
    one.canvas.addEventListener("pointerleave", () => actions.set({ value: null, words: "" }));
  });
  /** @type {Scene | null} */
  let shown = null;
  const pointAt = (/** @type {PointerEvent} */ event, /** @type {number} */ i) => {
    const sheet = shown?.look("sheet");
    if (!sheet || !shown || i >= sheet.said.images.length) return;
    const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
    const at = (/** @type {number} */ px, /** @type {number} */ size, /** @type {number} */ count) => Math.min(count - 1, Math.max(0, Math.floor((px / size) * count)));
    const [row, col] = [at(event.clientY - box.top, box.height, meta.rows), at(event.clientX - box.left, box.width, meta.cols)];
    const value = sheet.arrays["maps"][i * meta.rows * meta.cols + row * meta.cols + col];
    actions.set({ value, words: `image ${sheet.said.images[i]}, row ${row}, col ${col}` });
  };

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.layout], ({ layout }) => {
      area.style.gridTemplateColumns = `repeat(${layout.columns}, ${layout.patch * meta.cols}px)`;
      area.style.columnGap = `${layout.gap}px`;
      for (const { canvas } of tiles) Object.assign(canvas.style, { width: `${layout.patch * meta.cols}px`, height: `${layout.patch * meta.rows}px` });
    }),
    whenChanged((s) => [s.choices.pictures], (/** @type {Scene} */ s) => void (hint.textContent = HINTS[s.choices.pictures])),
    whenChanged((s) => [s.look("sheet")], (s) => void (grounds = groundsOf(s))),
    whenChanged((s) => [s.look("sheet"), s.layout, s.ratio, s.choices.pictures, s.id], (s) => {
      shown = s;
      const count = s.look("sheet")?.said.images.length ?? MOST;
      silent.hidden = count > 0;
      area.hidden = count === 0;
      tiles.forEach((one, i) => {
        one.node.hidden = i >= count;
        drawTile(one, s, i, grounds[i] ?? null);
      });
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

function tile() {
  const canvas = element("canvas", "vl-image", { role: "img" });
  const words = element("div", "vl-under");
  return { node: element("div", "vl-tile", { role: "listitem" }, canvas, words), canvas, words };
}

/** @param {Scene} scene @returns {Grounds[]} */
function groundsOf({ look }) {
  const sheet = look("sheet");
  if (!sheet) return [];
  const [height, width] = sheet.said.large;
  const bytes = 3 * height * width;
  return sheet.said.images.map((/** @type {number} */ _, /** @type {number} */ i) => new Grounds(sheet.arrays["pictures"].subarray(i * bytes, (i + 1) * bytes), width, height));
}

/** @param {ReturnType<typeof tile>} one @param {Scene} scene @param {number} i @param {Grounds | null} grounds */
function drawTile({ canvas, words }, scene, i, grounds) {
  const { layout, ratio, meta, choices, look } = scene;
  const [width, height] = [Math.round(layout.patch * meta.cols * ratio), Math.round(layout.patch * meta.rows * ratio)];
  setAttributes(canvas, { width, height });
  const sheet = look("sheet");
  fill(words);
  setAttributes(canvas, { "aria-label": sheet ? spoken(scene, sheet, i) : "on its way" });
  if (!sheet || !grounds) return;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const patches = meta.rows * meta.cols;
  const most = sheet.arrays["values"][0] ?? 1;
  const shareOf = (/** @type {number} */ cell) => sheet.arrays["maps"][i * patches + cell] / most;
  const image = grounds.copy(choices.pictures === "plain" ? "plain" : "map", width, height);
  if (choices.pictures === "heat") heat(image, meta, shareOf);
  if (choices.pictures === "spotlight") spotlight(image, grounds.copy("plain", width, height), meta, shareOf);
  context.putImageData(image, 0, 0);
  outline(context, meta, shareOf, ratio);
  fill(words, markOf(scene, sheet.said.classes[i]), element("span", "", {}, activation(sheet.arrays["values"][i])));
}

/** What the patch shows; a dot where that is no class. @param {Scene} scene @param {number} target */
export const markOf = ({ meta }, target) => (meta.has_classes ? classMark(meta.labels[target]) : element("span"));

/** @param {Scene} scene @param {import("./scene.js").Found} sheet @param {number} i */
function spoken({ meta }, { said, arrays }, i) {
  if (i >= said.images.length) return "none";
  const name = meta.labels[said.classes[i]]?.name;
  return `image ${grouped(said.images[i])}${name ? `, ${name}` : ""}: ${activation(arrays["values"][i])}`;
}
