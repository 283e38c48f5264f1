// Which token stands at which position of the sequence, and where on the image. Positions are
// those of the maps' rows and columns; they differ from tokens where some were dropped.

/**
 * @typedef {object} Meta  names and sizes, as the kernel describes them
 * @property {string} model_name
 * @property {number} n_layers
 * @property {number} n_heads
 * @property {number} n_images
 * @property {string[]} prefix
 * @property {number} rows
 * @property {number} cols
 * @property {number[]} tokens  by position
 * @property {number} side  of the maps in the overview
 * @property {import("../lib/image_control.js").Small | null} [small]  pictures of all images, where they are few
 * @property {number | null} [asks]  the token of the readout, while none is pinned; null where it reads patches
 * @property {string | null} lens_name
 * @property {boolean} [knows_scores]  false where weights alone were given
 * @property {string | null} [probabilities]  of the lens: "softmax", or "sigmoid" where each class is a yes or a no
 */

/** @typedef {{ name: string, start: number, end: number }} Span  positions from start up to end */

export class Tokens {
  /** @param {Pick<Meta, "prefix" | "rows" | "cols" | "tokens" | "asks">} meta */
  constructor({ prefix, rows, cols, tokens, asks = null }) {
    this.prefix = prefix;
    this.asks = asks;
    this.rows = rows;
    this.cols = cols;
    this.tokens = tokens;
    /** Prefix tokens of the layout. */
    this.nPrefix = prefix.length;
    this.nAll = prefix.length + rows * cols;
    /** Positions of the sequence. */
    this.n = tokens.length;
    /** Positions before the first patch. */
    this.nBefore = tokens.filter((token) => token < prefix.length).length;
    /** @type {(number | undefined)[]} */
    this.positions = [];
    tokens.forEach((token, position) => (this.positions[token] = position));
  }

  /** @param {number} token @returns {number | null} null when it was dropped */
  position(token) {
    return this.positions[token] ?? null;
  }

  /** @param {number} position */
  token(position) {
    return this.tokens[position] ?? 0;
  }

  get dropped() {
    return Array.from({ length: this.nAll }, (_, token) => token).filter((token) => this.position(token) === null);
  }

  /** @param {number} token @returns {{ row: number, col: number } | null} null for a prefix token */
  place(token) {
    const patch = token - this.nPrefix;
    return patch < 0 ? null : { row: Math.floor(patch / this.cols), col: patch % this.cols };
  }

  /** "row 4, col 3", "CLS", "register 1". @param {number} token */
  describe(token) {
    const place = this.place(token);
    return place ? `row ${place.row}, col ${place.col}` : (this.prefix[token] ?? "");
  }

  /** The rows of patches, as far as they are in the sequence. @returns {Span[]} */
  get patchRows() {
    return Array.from({ length: this.rows }, (_, row) => {
      const inRow = this.tokens.flatMap((token, position) => (this.place(token)?.row === row ? [position] : []));
      return { name: String(row), start: inRow[0] ?? 0, end: (inRow.at(-1) ?? -1) + 1 };
    }).filter(({ start, end }) => end > start);
  }

  /** The prefix tokens that are in the sequence. @returns {Span[]} */
  get prefixSpans() {
    return Array.from({ length: this.nBefore }, (_, position) => ({
      name: this.prefix[this.token(position)] ?? "",
      start: position,
      end: position + 1,
    }));
  }
}
