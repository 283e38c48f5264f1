// Cosine similarity of every token to the pinned one, in every state: exact to four decimals.

const WHOLE = 32767;
const UNKNOWN = -32768;

export class Similar {
  /**
   * @param {object} sizes
   * @param {number} sizes.nImages
   * @param {number} sizes.nPatches
   * @param {number} sizes.nPrefix
   * @param {Int16Array} patches  codes [state, image, patch]
   * @param {Int16Array} prefix  codes [state, image, prefix token]
   * @param {{ image: number, token: number }} of  the pinned token
   */
  constructor({ nImages, nPatches, nPrefix }, patches, prefix, of) {
    this.nImages = nImages;
    this.nPatches = nPatches;
    this.nPrefix = nPrefix;
    this.patches = patches;
    this.prefix = prefix;
    this.of = of;
  }

  /** Codes [patch] of an image in a state. @param {number} state @param {number} image */
  codes(state, image) {
    const from = (state * this.nImages + image) * this.nPatches;
    return this.patches.subarray(from, from + this.nPatches);
  }

  /** −1..1, NaN where the token was dropped. @param {number} state @param {number} image @param {number} token */
  cosine(state, image, token) {
    const at = state * this.nImages + image;
    const code = token < this.nPrefix ? this.prefix[at * this.nPrefix + token] : this.codes(state, image)[token - this.nPrefix];
    return cosineOf(code ?? UNKNOWN);
  }

  /** 1 for the most similar patch of the image. @param {number} state @param {number} image @param {number} token */
  rank(state, image, token) {
    const codes = this.codes(state, image);
    const own = codes[token - this.nPrefix] ?? UNKNOWN;
    return 1 + codes.reduce((better, code) => better + Number(code > own), 0);
  }

  /** The most similar patch of an image, the pinned one itself left out. @param {number} state @param {number} image */
  best(state, image) {
    const own = image === this.of.image ? this.of.token - this.nPrefix : -1;
    let best = own === 0 ? 1 : 0;
    const codes = this.codes(state, image);
    codes.forEach((code, patch) => {
      if (patch !== own && code > (codes[best] ?? UNKNOWN)) best = patch;
    });
    return { token: best + this.nPrefix, cosine: cosineOf(codes[best] ?? UNKNOWN) };
  }

  /** How many patches have each of `n` equal ranges of −1..1. @param {number} state @param {number} image @param {number} n */
  histogram(state, image, n) {
    const counts = /** @type {number[]} */ (Array(n).fill(0));
    for (const code of this.codes(state, image)) {
      if (code === UNKNOWN) continue;
      const bin = Math.min(n - 1, Math.floor(((cosineOf(code) + 1) / 2) * n));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  }
}

/** @param {number} code */
export const cosineOf = (code) => (code === UNKNOWN ? NaN : code / WHOLE);
