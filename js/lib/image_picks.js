// All pictures of a batch, small, of which one is shown; of very many, a slider over them.
import { element, setAttributes } from "./dom.js";

const THUMB = 28;
/** So many small pictures stand side by side. */
export const MOST_PICKED = 12;

/**
 * @typedef {object} Picks
 * @property {HTMLElement} node
 * @property {(image: number | null) => void} show  which one is chosen; null: the mean
 * @property {(reason: string | null) => void} disable  says why not; null enables
 * @property {(groundsOf: (image: number) => import("./grounds.js").Grounds, ratio: number) => void} draw
 */

/** @typedef {{ rows: number, cols: number, n_images: number }} Batch */
/** @typedef {(image: number | null) => void} Choose */

/** @param {Batch} batch @param {boolean} hasMean  the mean over all can be chosen, too @param {Choose} choose @returns {Picks} */
export const imagePicks = (batch, hasMean, choose) =>
  batch.n_images > MOST_PICKED ? scrubber(batch.n_images, hasMean, choose) : thumbnails(batch, hasMean, choose);

/** @param {number | null} image @param {number} count */
const wordsOf = (image, count) => (image === null ? `mean of ${count} images` : `image ${image}`);

/** @param {Batch} batch @param {boolean} hasMean @param {Choose} choose @returns {Picks} */
function thumbnails({ rows, cols, n_images }, hasMean, choose) {
  const scale = THUMB / Math.max(rows, cols);
  const size = { width: Math.max(8, Math.round(scale * cols)), height: Math.max(8, Math.round(scale * rows)) };
  const canvases = Array.from({ length: n_images }, () => element("canvas"));
  const pictures = canvases.map((canvas, image) => {
    Object.assign(canvas.style, { width: `${size.width}px`, height: `${size.height}px` });
    return { image, button: element("button", "vl-pick", { "data-image": image }, canvas) };
  });
  const mean = { image: null, button: element("button", "vl-pick vl-pick-mean", {}, "Mean") };
  const picks = hasMean ? [...pictures, mean] : pictures;
  for (const { image, button } of picks) {
    setAttributes(button, { type: "button", role: "radio", "aria-label": wordsOf(image, n_images), title: wordsOf(image, n_images) });
    button.addEventListener("click", () => choose(image));
  }
  const node = element("div", "vl-picks", { role: "radiogroup", "aria-label": "Image" }, ...picks.map(({ button }) => button));
  node.addEventListener("keydown", (event) => step(event, picks.map(({ button }) => button)));
  return {
    node,
    show: (chosen) =>
      picks.forEach(({ image, button }) => {
        setAttributes(button, { "aria-checked": String(image === chosen) });
        button.tabIndex = image === chosen ? 0 : -1;
      }),
    disable: (reason) => {
      setAttributes(node, { "aria-disabled": reason === null ? null : "true" });
      picks.forEach(({ image, button }) => {
        button.disabled = reason !== null;
        setAttributes(button, { title: reason ?? wordsOf(image, n_images) });
      });
    },
    draw: (groundsOf, ratio) =>
      canvases.forEach((canvas, image) => {
        Object.assign(canvas, { width: Math.round(size.width * ratio), height: Math.round(size.height * ratio) });
        canvas.getContext("2d")?.putImageData(groundsOf(image).copy("plain", canvas.width, canvas.height), 0, 0);
      }),
  };
}

/** Arrow keys go round a group of which one is on. @param {KeyboardEvent} event @param {HTMLElement[]} buttons */
function step(event, buttons) {
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  event.stopPropagation();
  const at = buttons.findIndex((button) => button.tabIndex === 0);
  const next = buttons[(at + by + buttons.length) % buttons.length];
  next?.focus();
  next?.click();
}

/** @param {number} count @param {boolean} hasMean @param {Choose} choose @returns {Picks} */
function scrubber(count, hasMean, choose) {
  const range = element("input", "vl-range", { type: "range", min: 0, max: count - 1, step: 1, "aria-label": "Image" });
  const number = element("span", "vl-pick-number", { "aria-hidden": "true" });
  const mean = element("button", "vl-button", { type: "button", title: wordsOf(null, count) }, "Mean");
  const say = (/** @type {number | null} */ image) => {
    number.textContent = image === null ? "mean" : `${image} of 0–${count - 1}`;
    setAttributes(range, { "aria-valuetext": wordsOf(image, count) });
  };
  range.addEventListener("input", () => say(Number(range.value)));
  range.addEventListener("change", () => choose(Number(range.value)));
  range.addEventListener("keydown", (event) => event.stopPropagation());
  mean.addEventListener("click", () => choose(null));
  return {
    node: element("div", "vl-picks", {}, range, number, hasMean ? mean : null),
    show: (image) => {
      range.value = String(image ?? 0);
      setAttributes(mean, { "aria-pressed": String(image === null) });
      say(image);
    },
    disable: (reason) => {
      range.disabled = mean.disabled = reason !== null;
      setAttributes(range, { title: reason });
      setAttributes(mean, { title: reason ?? wordsOf(null, count) });
    },
    draw: () => undefined,
  };
}
