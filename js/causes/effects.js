// What exchanges are worth, as the kernel has sent it: by cell of the map of parts, and by token.

/** As data.py sends them. */
const N_FIELDS = 6;

/** What rounds to the end of a scale, written with two decimals, is not beyond it. */
const ROUNDED = 0.005;

/**
 * @typedef {object} Of  what the numbers are of
 * @property {number} target
 * @property {number | null} against
 * @property {number} image
 * @property {"noising" | "denoising"} direction
 * @property {"output" | "q" | "k" | "v" | "pattern"} values
 * @property {import("./scene.js").Cover | ""} cover  "" of a pair
 * @property {number[]} covered  tokens of patches
 * @property {string} covered_words  what was covered, and how
 * @property {boolean} has_gap  the two runs differ enough to divide by
 */

/**
 * @typedef {object} Effect  what the exchange of one place does
 * @property {number} share  of the way to the other run's answer; NaN until it was exchanged
 * @property {number} estimate  the same to first order
 * @property {number} metric  the logit (difference) then
 * @property {number} top  the class that is answered then
 * @property {number} topProbability
 * @property {number} target  probability of the target then
 * @property {number} against  of the other class
 */

/** @typedef {{ base: number, other: number }} Ends  the logit (difference) of the two runs */

/**
 * How far a run has gone from one end to the other: 0 nothing happens, 1 the whole way.
 * @param {Ends} ends
 * @param {number} metric
 */
export const shareOf = ({ base, other }, metric) => (base - metric) / (base - other);

export class Effects {
  /**
   * @param {Of} of
   * @param {Ends} ends
   * @param {{ nLayers: number, nRows: number, nHeads: number, nTokens: number, nBefore: number }} sizes  nBefore: tokens before the patches
   * @param {Float32Array} parts  `[field, layer, row]`
   * @param {Float32Array} tokens  `[field, layer, position]`
   * @param {Float32Array} groups  `[field, layer]`, all patches together
   */
  constructor(of, ends, sizes, parts, tokens, groups) {
    this.of = of;
    this.ends = ends;
    this.sizes = sizes;
    this.parts = parts;
    this.tokens = tokens;
    this.groups = groups;
    /** Ends of the two colour scales: shares of the way, of parts and of patches. */
    this.partEnd = this.largest(parts, sizes.nRows, 0) > 0.5 ? 1 : 0.5;
    this.beyond = this.beyondEnds(parts);
    this.tokenEnd = Math.max(0.02, Math.ceil(50 * Math.min(2, this.largest(tokens, sizes.nTokens, sizes.nBefore)) - 1e-6) / 50);
  }

  /** @param {number} layer @param {number} row @returns {Effect} */
  part(layer, row) {
    return this.at(this.parts, layer * this.sizes.nRows + row);
  }

  /** @param {number} layer @param {number} position @returns {Effect} */
  token(layer, position) {
    return this.at(this.tokens, layer * this.sizes.nTokens + position);
  }

  /** All patches of a state together. @param {number} layer @returns {Effect} */
  group(layer) {
    return this.at(this.groups, layer);
  }

  /** @param {Float32Array} numbers @param {number} at @returns {Effect} */
  at(numbers, at) {
    const size = numbers.length / N_FIELDS;
    const field = (/** @type {number} */ index) => numbers[index * size + at] ?? NaN;
    const metric = field(0);
    const share = this.of.has_gap ? shareOf(this.ends, metric) : NaN;
    return { share, estimate: field(5), metric, top: field(1), topProbability: field(2), target: field(3), against: field(4) };
  }

  /** The largest magnitude of what was exchanged; of the estimates as long as nothing was. @param {Float32Array} numbers @param {number} perLayer @param {number} from  the first of a layer that counts */
  largest(numbers, perLayer, from) {
    let [exact, estimated] = [-1, 0];
    for (let at = 0; at < this.sizes.nLayers * perLayer; at++) {
      if (at % perLayer < from) continue;
      const { share, estimate } = this.at(numbers, at);
      if (Math.abs(share) > exact) exact = Math.abs(share);
      if (Math.abs(estimate) > estimated) estimated = Math.abs(estimate);
    }
    return exact >= 0 ? exact : estimated;
  }

  /** Which ends of their scale parts go beyond, exchanged or estimated: both are drawn. @param {Float32Array} parts */
  beyondEnds(parts) {
    const all = Array.from({ length: this.sizes.nLayers * this.sizes.nRows }, (_, at) => this.at(parts, at)).flatMap(({ share, estimate }) => [share, estimate]);
    return { below: all.some((one) => one < -this.partEnd - ROUNDED), above: all.some((one) => one > this.partEnd + ROUNDED) };
  }

  /** Its place among the heads that were exchanged, 1 the largest; and how many those are. @param {number} layer @param {number} head */
  rank(layer, head) {
    const own = Math.abs(this.part(layer, head).share);
    let [larger, of] = [0, 0];
    for (let l = 0; l < this.sizes.nLayers; l++) {
      for (let h = 0; h < this.sizes.nHeads; h++) {
        const size = Math.abs(this.part(l, h).share);
        if (Number.isNaN(size)) continue;
        of += 1;
        if (size > own) larger += 1;
      }
    }
    return { rank: larger + 1, of };
  }
}
