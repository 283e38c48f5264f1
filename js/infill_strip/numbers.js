// Exact scores of all states and errors of all patches, as the kernel computed them.

/** @typedef {import("./painting.js").Reference} Reference */

const AGAINST = { original: 0, final: 1 };

export class Numbers {
  /**
   * @param {number} nStates
   * @param {number} nPatches
   * @param {Float32Array} scores  [metric, against, state]
   * @param {Float32Array} errors  [against, state, patch]
   * @param {number} converged  the first state that stays near the final one
   */
  constructor(nStates, nPatches, scores, errors, converged) {
    this.nStates = nStates;
    this.nPatches = nPatches;
    this.scores = scores;
    this.errors = errors;
    this.converged = converged;
  }

  /** @param {number} metric @param {Reference} against @returns {number[]} by state */
  column(metric, against) {
    const start = (2 * metric + AGAINST[against]) * this.nStates;
    return Array.from(this.scores.subarray(start, start + this.nStates));
  }

  /** Mean absolute error over a patch. @param {Reference} against @param {number} state @param {number} patch */
  error(against, state, patch) {
    return this.errors[(AGAINST[against] * this.nStates + state) * this.nPatches + patch] ?? NaN;
  }
}
