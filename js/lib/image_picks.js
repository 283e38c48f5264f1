// All pictures of a batch, small, of which one is shown; of very many, a slider over them.
import { element, setAttributes } from "./dom.js";

const THUMB = 28;
/** So many small pictures stand side by side. */
export const MOST_PICKED = 12;

/**
 * @typedef {object} Picks
 * @property {HTMLElement} node
 * @property {(image: number | null) => void} show  which one is chosen; null: none of them
 * @property {(reason: string | null) => void} disable  says why not; null enables
 * @property {(groundsOf: (image: number) => import("./grounds.js").Grounds, ratio: number) => void} draw
 */

/**
 * @param {{ rows: number, cols: number, n_images: number }} meta
 * @param {(image: number) => string} wordsOf
 * @param {(image: number) => void} choose
 * @returns {Picks}
 */
export function imagePicks(meta, wordsOf, choose) {
  return meta.n_images > MOST_PICKED ? scrubber(meta.n_images, wordsOf, choose) : thumbnails(meta, wordsOf, choose);
}

/** @param {{ rows: number, cols: number, n_images: number }} meta @param {(image: number) => string} wordsOf @param {(image: number) => void} choose @returns {Picks} */
function thumbnails({ rows, cols, n_images }, wordsOf, choose) {
  const scale = THUMB / Math.max(rows, cols);
  const size = { width: Math.max(8, Math.round(scale * cols)), height: Math.max(8, Math.round(scale * rows)) };
  const canvases = Array.from({ length: n_images }, () => element("canvas"));
  const buttons = canvases.map((canvas, image) => {
    Object.assign(canvas.style, { width: `${size.width}px`, height: `${size.height}px` });
    const attributes = { type: "button", role: "radio", "aria-label": wordsOf(image), title: wordsOf(image), "data-image": image };
    const button = element("button", "vl-pick", attributes, canvas);
    button.addEventListener("click", () => choose(image));
    return button;
  });
  const node = element("div", "vl-picks", { role: "radiogroup", "aria-label": "Image", hidden: n_images === 1 }, ...buttons);
  node.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const at = buttons.findIndex((button) => button.tabIndex === 0);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.focus();
    next?.click();
  });
  return {
    node,
    show: (chosen) =>
      buttons.forEach((button, image) => {
        setAttributes(button, { "aria-checked": String(image === chosen) });
        button.tabIndex = image === (chosen ?? 0) ? 0 : -1;
      }),
    disable: (reason) => {
      setAttributes(node, { "aria-disabled": reason === null ? null : "true" });
      buttons.forEach((button, image) => {
        button.disabled = reason !== null;
        setAttributes(button, { title: reason ?? wordsOf(image) });
      });
    },
    draw: (groundsOf, ratio) =>
      canvases.forEach((canvas, image) => {
        Object.assign(canvas, { width: Math.round(size.width * ratio), height: Math.round(size.height * ratio) });
        canvas.getContext("2d")?.putImageData(groundsOf(image).copy("plain", canvas.width, canvas.height), 0, 0);
      }),
  };
}

/** @param {number} count @param {(image: number) => string} wordsOf @param {(image: number) => void} choose @returns {Picks} */
function scrubber(count, wordsOf, choose) {
  const range = element("input", "vl-range", { type: "range", min: 0, max: count - 1, step: 1, "aria-label": "Image" });
  range.addEventListener("change", () => choose(Number(range.value)));
  range.addEventListener("keydown", (event) => event.stopPropagation());
  return {
    node: element("div", "vl-picks", {}, range),
    show: (image) => {
      range.value = String(image ?? 0);
      setAttributes(range, { "aria-valuetext": image === null ? "none" : wordsOf(image) });
    },
    disable: (reason) => {
      range.disabled = reason !== null;
      setAttributes(range, { title: reason });
    },
    draw: () => undefined,
  };
}
