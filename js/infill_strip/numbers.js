// Exact scores of all states and errors of all patches, as the kernel computed them.

/** @typedef {import("./painting.js").Reference} Reference */

const REFERENCES = { original: 0, final: 1 };

export class Numbers {
  /**
   * @param {number} nStates
   * @param {number} nPatches
   * @param {Float32Array} scores  [metric, reference, state]
   * @param {Float32Array} errors  [reference, state, patch]
   * @param {number} converged  the first state that stays near the final one
   */
  constructor(nStates, nPatches, scores, errors, converged) {
    this.nStates = nStates;
    this.nPatches = nPatches;
    this.scores = scores;
    this.errors = errors;
    this.converged = converged;
  }

  /** @param {number} metric @param {Reference} reference @returns {number[]} by state */
  column(metric, reference) {
    const start = (2 * metric + REFERENCES[reference]) * this.nStates;
    return Array.from(this.scores.subarray(start, start + this.nStates));
  }

  /** Mean absolute error over a patch. @param {Reference} reference @param {number} state @param {number} patch */
  error(reference, state, patch) {
    return this.errors[(REFERENCES[reference] * this.nStates + state) * this.nPatches + patch] ?? NaN;
  }
}
