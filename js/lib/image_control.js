// Which image of a batch is shown: the pictures themselves, of very many a slider over them.
import { whenChanged } from "./changes.js";
import { element } from "./dom.js";
import { Grounds } from "./grounds.js";
import { imagePicks } from "./image_picks.js";

/**
 * @typedef {object} Batch
 * @property {number} n_images
 * @property {number} rows
 * @property {number} cols
 */

/** @typedef {{ thumb: (image: number) => Grounds }} Small  the pictures, small */

/**
 * @template {{ ratio: number }} S
 * @param {Batch} batch
 * @param {object} what
 * @param {(image: number | null) => void} what.choose  null: the mean
 * @param {(scene: S) => number | null} what.chosenOf
 * @param {(scene: S) => Small | null} what.smallOf  null where none were sent
 * @param {(scene: S) => string | null} [what.whyNot]  why no other can be chosen now
 * @param {boolean} [what.hasMean]  the mean over all can be shown
 * @returns {{ node: HTMLElement, update: (scene: S) => void } | null} null where there is one image
 */
export function imageControl(batch, { choose, chosenOf, smallOf, whyNot = () => null, hasMean = false }) {
  if (batch.n_images === 1) return null;
  const picks = imagePicks(batch, hasMean, choose);
  const drawings = [
    whenChanged((/** @type {S} */ s) => [chosenOf(s)], (s) => picks.show(chosenOf(s))),
    whenChanged((s) => [whyNot(s)], (s) => picks.disable(whyNot(s))),
    whenChanged((s) => [smallOf(s), s.ratio], (s) => {
      const small = smallOf(s);
      if (small) picks.draw((image) => small.thumb(image), s.ratio);
    }),
  ];
  const name = element("span", "vl-control-name", { "aria-hidden": "true" }, "Image");
  return { node: element("div", "vl-control vl-image-control", {}, name, picks.node), update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/**
 * Small pictures as they are sent, `[image, height, width, 3]`.
 * @param {[height: number, width: number] | undefined} size
 * @param {Uint8Array} pixels  none of one image, or of very many
 * @returns {Small | null}
 */
export function smallPictures(size, pixels) {
  if (!size || !pixels.length) return null;
  const [height, width] = size;
  const bytes = 3 * height * width;
  return { thumb: (image) => new Grounds(pixels.subarray(image * bytes, (image + 1) * bytes), width, height) };
}
