// The removal curves in the browser, as far as they are computed.

/** In which order patches are removed: the least relevant first, or the most. @typedef {"negative" | "positive"} Kind */

/** @type {["negative", "positive", "random"]} */
const KINDS = ["negative", "positive", "random"];

/**
 * @typedef {object} CurvesOf  what the kernel says of them
 * @property {number[]} removed  share of the patches that is gone, by point
 * @property {number} done  points that are there
 * @property {boolean} is_over  nothing more will come
 * @property {string} refused  why there are none, as a sentence
 * @property {number} random  orders that the random curve is the mean of
 */

export class Curves {
  /**
   * @param {CurvesOf & import("./scene.js").Asked} of
   * @param {Float32Array} probability  `[class, kind, point]`, NaN where it is not known yet
   * @param {Int32Array} answers  `[class, kind, point]`
   * @param {Int32Array} falling  `[class, patch]`, the most relevant first
   */
  constructor(of, probability, answers, falling) {
    this.of = of;
    this.probability = probability;
    this.answers = answers;
    this.falling = falling;
    this.nPoints = of.removed.length;
    this.nClasses = probability.length / (KINDS.length * this.nPoints);
    this.nPatches = falling.length / this.nClasses;
  }

  /** Points that are there, for both classes. */
  get done() {
    return this.of.done;
  }

  /** @param {number} of  class @param {Kind | "random"} kind @returns {Float32Array} by point */
  line(of, kind) {
    const first = (of * KINDS.length + KINDS.indexOf(kind)) * this.nPoints;
    return this.probability.subarray(first, first + this.nPoints);
  }

  /** What the model answers. @param {import("./scene.js").Removal} removal @returns {number} -1 where it is not known yet */
  answer({ of, kind, point }) {
    return this.answers[(of * 2 + KINDS.indexOf(kind)) * this.nPoints + point] ?? -1;
  }

  /** How many patches are gone. @param {number} point */
  nGone(point) {
    return Math.round((this.of.removed[point] ?? 0) * this.nPatches);
  }

  /** Which patches are gone, 1 for those. @param {import("./scene.js").Removal} removal @returns {Uint8Array} */
  gone({ of, kind, point }) {
    const falling = this.falling.subarray(of * this.nPatches, (of + 1) * this.nPatches);
    const count = this.nGone(point);
    const gone = kind === "positive" ? falling.subarray(0, count) : falling.subarray(this.nPatches - count);
    const mask = new Uint8Array(this.nPatches);
    for (const patch of gone) mask[patch] = 1;
    return mask;
  }

  /** The mean of a whole curve; NaN while it grows. @param {number} of @param {Kind | "random"} kind */
  mean(of, kind) {
    const values = this.line(of, kind);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }
}
