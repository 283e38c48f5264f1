// Relevance in the browser: of one class or two, over all blocks and in each head, as exact numbers.

/** @typedef {import("./scene.js").Whose} Whose */

/**
 * @typedef {object} What  which map of a class
 * @property {"all" | "layer" | "head"} show
 * @property {number} layer
 * @property {number} head
 */

/** @typedef {{ nLayers: number, nHeads: number, n: number, nBefore: number }} Sizes  n: tokens; nBefore: of them before the patches */

export class Maps {
  /**
   * @param {import("./scene.js").Asked} of
   * @param {Sizes} sizes
   * @param {Float32Array} tokens  `[class, token]`
   * @param {Float32Array} heads  `[class, layer, head, token]`, empty where nothing is said of heads
   * @param {boolean} isSigned  there are numbers below 0
   */
  constructor(of, sizes, tokens, heads, isSigned) {
    this.of = of;
    this.sizes = sizes;
    this.tokens = tokens;
    this.heads = heads;
    this.isSigned = isSigned;
    /** @type {Map<string, Float32Array>} */
    this.made = new Map();
    /** @type {Map<string, number>} */
    this.largests = new Map();
    /** @type {Map<Whose, { every: number[], total: number }>} */
    this.sums = new Map();
  }

  get hasHeads() {
    return this.heads.length > 0;
  }

  /** @param {Whose} whose */
  isDiverging(whose) {
    return this.isSigned || whose === "difference";
  }

  /**
   * One map, by position in the sequence.
   * @param {Whose} whose
   * @param {What} what
   * @returns {Float32Array}
   */
  values(whose, what) {
    const key = keyOf(whose, what);
    let values = this.made.get(key);
    if (!values) this.made.set(key, (values = this.make(whose, what)));
    return values;
  }

  /** @param {Whose} whose @param {What} what */
  make(whose, what) {
    if (whose === "difference") {
      const [one, other] = [this.values(0, what), this.values(1, what)];
      return one.map((value, i) => value - (other[i] ?? 0));
    }
    const { n, nLayers, nHeads } = this.sizes;
    if (what.show === "all") return this.tokens.subarray(whose * n, (whose + 1) * n);
    const first = (whose * nLayers + what.layer) * nHeads;
    const head = (/** @type {number} */ at) => this.heads.subarray((first + at) * n, (first + at + 1) * n);
    return what.show === "head" ? head(what.head) : sumOf(Array.from({ length: nHeads }, (_, i) => head(i)), n);
  }

  /** The largest magnitude among a map's patches. @param {Whose} whose @param {What} what */
  largest(whose, what) {
    const key = keyOf(whose, what);
    let most = this.largests.get(key);
    if (most === undefined) {
      const patches = this.values(whose, what).subarray(this.sizes.nBefore);
      this.largests.set(key, (most = patches.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)));
    }
    return most;
  }

  /** What share of all heads' magnitudes on the patches is one head's. @param {Whose} whose @param {number} layer @param {number} head */
  share(whose, layer, head) {
    const { nLayers, nHeads } = this.sizes;
    let sums = this.sums.get(whose);
    if (!sums) {
      const every = Array.from({ length: nLayers * nHeads }, (_, i) => this.magnitude(whose, { show: "head", layer: Math.floor(i / nHeads), head: i % nHeads }));
      this.sums.set(whose, (sums = { every, total: every.reduce((sum, one) => sum + one, 0) }));
    }
    return sums.total > 0 ? (sums.every[layer * nHeads + head] ?? 0) / sums.total : NaN;
  }

  /** The sum of magnitudes over the patches. @param {Whose} whose @param {What} what */
  magnitude(whose, what) {
    return this.values(whose, what).subarray(this.sizes.nBefore).reduce((sum, value) => sum + Math.abs(value), 0);
  }
}

/** @param {Whose} whose @param {What} what */
const keyOf = (whose, { show, layer, head }) => (show === "all" ? `${whose}` : show === "layer" ? `${whose} ${layer}` : `${whose} ${layer} ${head}`);

/** @param {Float32Array[]} lines @param {number} n */
function sumOf(lines, n) {
  return Float32Array.from({ length: n }, (_, i) => lines.reduce((sum, line) => sum + (line[i] ?? 0), 0));
}

/**
 * 1 for the most relevant patch; equal ones share the best rank.
 * @param {Float32Array} values
 * @param {number} at  position
 * @param {number} nBefore  positions before the patches
 */
export function rankOf(values, at, nBefore) {
  const own = values[at] ?? NaN;
  return 1 + values.subarray(nBefore).reduce((larger, other) => larger + Number(other > own), 0);
}
