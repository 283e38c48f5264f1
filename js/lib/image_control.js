// Which image of a batch is shown: a menu by name, and beside it the pictures themselves.
import { whenChanged } from "./changes.js";
import { menu } from "./controls.js";
import { element } from "./dom.js";
import { Grounds } from "./grounds.js";
import { imagePicks } from "./image_picks.js";

/**
 * @typedef {object} Batch
 * @property {number} n_images
 * @property {number} rows
 * @property {number} cols
 * @property {[height: number, width: number]} [thumb]  of a small picture, px
 * @property {Uint8Array} [thumbs]  `[image, height, width, 3]`; none of one image, or of very many
 */

/**
 * @template {{ ratio: number }} S
 * @param {Batch} batch
 * @param {boolean} hasMean  the mean over all can be shown
 * @param {(image: number | null) => void} choose  null: the mean
 * @param {(scene: S) => number | null} chosenOf
 * @param {(scene: S) => string | null} whyNot  why no other can be chosen now
 * @returns {{ node: HTMLElement, update: (scene: S) => void } | null} null where there is one image
 */
export function imageControl(batch, hasMean, choose, chosenOf, whyNot) {
  const { n_images: count } = batch;
  if (count === 1) return null;
  const wordsOf = (/** @type {number} */ image) => `image ${image}`;
  const names = Array.from({ length: count }, (_, i) => /** @type {[string, string]} */ ([String(i), wordsOf(i)]));
  const mean = /** @type {[string, string][]} */ (hasMean ? [["mean", `mean of ${count} images`]] : []);
  const list = menu("Image", "Image", [...names, ...mean], (image) => choose(image === "mean" ? null : Number(image)));
  const picks = imagePicks(batch, wordsOf, choose);
  const drawings = [
    whenChanged((/** @type {S} */ s) => [chosenOf(s)], (s) => {
      const image = chosenOf(s);
      list.show(image === null ? "mean" : String(image));
      picks.show(image);
    }),
    whenChanged((s) => [whyNot(s)], (s) => [list, picks].forEach(({ disable }) => disable(whyNot(s)))),
    whenChanged((s) => [s.ratio], (s) => drawSmall(batch, picks, s.ratio)),
  ];
  return { node: element("div", "vl-control vl-image-control", {}, list.node, picks.node), update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Batch} batch @param {import("./image_picks.js").Picks} picks @param {number} ratio */
function drawSmall({ thumb, thumbs }, picks, ratio) {
  if (!thumb || !thumbs?.length) return void (picks.node.hidden = picks.node.querySelector("canvas") !== null);
  const [height, width] = thumb;
  const size = 3 * height * width;
  picks.draw((image) => new Grounds(thumbs.subarray(image * size, (image + 1) * size), width, height), ratio);
}
