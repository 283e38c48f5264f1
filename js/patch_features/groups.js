// Groups of patches with like features: which group each patch is in, in every state.

const NONE = 255;

/** @typedef {[k: number, seed: number, basis: "batch" | "image"]} GroupedBy */

export class Groups {
  /**
   * @param {{ nStates: number, nImages: number, nPatches: number }} sizes
   * @param {GroupedBy} by  what they were found by
   * @param {Uint8Array} codes  [state, image, patch], 255 where there is none
   */
  constructor({ nStates, nImages, nPatches }, by, codes) {
    this.last = nStates - 1;
    this.nImages = nImages;
    this.nPatches = nPatches;
    this.k = by[0];
    this.by = by;
    this.codes = codes;
  }

  /** Whether they are those of these choices. @param {import("./scene.js").Choices} choices */
  areOf({ n_groups, seed, basis }) {
    return this.k === n_groups && this.by[1] === seed && this.by[2] === basis;
  }

  /** Groups [patch] of an image in a state. @param {number} state @param {number} image */
  regions(state, image) {
    const from = (state * this.nImages + image) * this.nPatches;
    return this.codes.subarray(from, from + this.nPatches);
  }

  /** From 0 on; −1 for a patch that was dropped, and for a prefix token. @param {number} state @param {number} image @param {number} patch */
  group(state, image, patch) {
    const found = patch < 0 ? NONE : (this.regions(state, image)[patch] ?? NONE);
    return found === NONE ? -1 : found;
  }

  /** Patches of each group in an image. @param {number} state @param {number} image */
  counts(state, image) {
    const counts = /** @type {number[]} */ (Array(this.k).fill(0));
    for (const found of this.regions(state, image)) if (found !== NONE) counts[found] = (counts[found] ?? 0) + 1;
    return counts;
  }

  /** The share of an image's patches in the group that the final state gives them. @param {number} state @param {number} image */
  asFinal(state, image) {
    const [here, final] = [this.regions(state, image), this.regions(this.last, image)];
    const same = here.reduce((sum, found, patch) => sum + Number(found !== NONE && found === final[patch]), 0);
    return same / this.counts(state, image).reduce((sum, one) => sum + one, 0);
  }
}

/** The groups, where they are what the colours say. @param {import("./scene.js").Scene} scene @returns {Groups | null} */
export const shownGroups = ({ choices, data }) => (choices.colours === "groups" ? data.groups : null);
