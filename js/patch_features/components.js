// The three main components of the patches, each patch one colour.
import { componentColor } from "./oklab.js";

/** @typedef {{ nStates: number, nImages: number, nPatches: number }} Sizes */

/** What a component's codes 0..255 stand for. @param {number} code */
const valueOf = (code) => (2 * code) / 255 - 1;

export class Components {
  /**
   * @param {Sizes} sizes
   * @param {object} sent
   * @param {Uint8Array} sent.codes  [state, image, patch, 3]
   * @param {Uint8Array} sent.figure  [state, image, patch]: 1 in the foreground, 2 where nothing is known
   * @param {Float32Array} sent.variance  [state, image, 3], shares of 1
   */
  constructor({ nImages, nPatches }, { codes, figure, variance }) {
    this.nImages = nImages;
    this.nPatches = nPatches;
    this.codes = codes;
    this.figure = figure;
    this.variance = variance;
    /** @type {Map<number, Uint8ClampedArray>} */
    this.known = new Map();
  }

  /** Colours [patch, 3] of an image in a state. @param {number} state @param {number} image */
  colors(state, image) {
    const at = state * this.nImages + image;
    const known = this.known.get(at);
    if (known) return known;
    const colors = new Uint8ClampedArray(3 * this.nPatches);
    for (let i = 0, from = 3 * at * this.nPatches; i < colors.length; i += 3) {
      const [a = 0, b = 0, c = 0] = this.codes.subarray(from + i, from + i + 3);
      colors.set(componentColor(valueOf(a), valueOf(b), valueOf(c)), i);
    }
    this.known.set(at, colors);
    return colors;
  }

  /** @param {number} state @param {number} image @param {number} patch */
  isForeground(state, image, patch) {
    return this.figure[(state * this.nImages + image) * this.nPatches + patch] === 1;
  }

  /** A patch that was dropped has no features. @param {number} state @param {number} image @param {number} patch */
  isMissing(state, image, patch) {
    return this.figure[(state * this.nImages + image) * this.nPatches + patch] === 2;
  }

  /** Of the foreground, of all patches. @param {number} state @param {number} image */
  shareOfForeground(state, image) {
    const from = (state * this.nImages + image) * this.nPatches;
    const of = this.figure.subarray(from, from + this.nPatches);
    return of.reduce((sum, one) => sum + Number(one === 1), 0) / this.nPatches;
  }

  /** Shares of the variance that the three components have. @param {number} state @param {number} image */
  shares(state, image) {
    return Array.from(this.variance.subarray(3 * (state * this.nImages + image), 3 * (state * this.nImages + image + 1)));
  }
}
