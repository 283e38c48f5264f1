// One image's reading in the browser: typed arrays and the questions that are asked of them.
// In every array the readout stands as one more token, after the last.
import { briefly, emojiOf, isBackground, sharedBeginning } from "../lib/labels.js";
import { wordOf } from "../lib/numbers.js";

/**
 * @typedef {object} Meta  names and sizes, as the kernel describes them
 * @property {string} model_name
 * @property {string} lens_name
 * @property {string} readout_name
 * @property {"softmax" | "sigmoid"} probabilities  one class among all, or each class yes or no
 * @property {number | null} readout_token  the prefix token that the readout is, if it is one
 * @property {string[]} state_names
 * @property {string[]} prefix
 * @property {number} rows
 * @property {number} cols
 * @property {number} n_classes
 * @property {number} n_answers
 * @property {number} id_bytes
 * @property {number} height
 * @property {number} width
 * @property {number} image
 * @property {number} n_images
 * @property {string} caption
 * @property {string[] | null} [lenses]  the names of several, the first of them `lens_name`'s own
 * @property {string[] | null} [prompts]  the texts it answers; null where it does not answer texts
 */

/**
 * @typedef {object} Source  a reading's contents, decoded from bytes
 * @property {Meta} meta
 * @property {string[]} labels
 * @property {string[]} emoji
 * @property {Uint8Array} picture
 * @property {Int16Array | Int32Array} topIndex
 * @property {Float32Array} topProbability
 * @property {Float32Array} entropy
 * @property {Float32Array} kl
 * @property {Float32Array} logsumexp  empty where each class is a yes or a no
 * @property {Float32Array} logits  empty when the table was too large to be sent
 * @property {number[] | null} known  states that are here, the others being on their way; null: all
 */

/**
 * @typedef {object} TargetColumns  one class's numbers, by state and token
 * @property {number} of  the class
 * @property {Float32Array} logit
 * @property {Int32Array} rank  1 is best
 */

/** @typedef {import("../lib/labels.js").Label} Label */
/** @typedef {{ label: Label, probability: number }} Answer */

/** In the place of an answer that has not come yet. @type {Label} */
const ON_ITS_WAY = { index: -1, name: "…", brief: "…", emoji: "" };

export class Reading {
  /** @param {Source} source */
  constructor(source) {
    const { meta } = source;
    this.source = source;
    this.meta = meta;
    this.rows = meta.rows;
    this.cols = meta.cols;
    this.nStates = meta.state_names.length;
    this.nPrefix = meta.prefix.length;
    this.nPatches = meta.rows * meta.cols;
    this.nTokens = this.nPrefix + this.nPatches;
    this.nAnswers = meta.n_answers;
    this.nClasses = meta.n_classes;
    /** Each class is a yes or a no (sigmoid), not one among all (softmax). */
    this.alone = meta.probabilities === "sigmoid";
    /** What a read-out says of its probabilities: nothing of those that are usual. */
    this.kindWords = this.alone ? wordOf(meta.probabilities) : "";
    /** Index at which every array keeps the readout. */
    this.readout = this.nTokens;
    this.hasEmoji = source.emoji.some(Boolean);
    this.hasBackground = source.labels.some(isBackground);
    /** How many letters all labels begin with alike. */
    this.shared = sharedBeginning(source.labels).length;
    /** All classes' logits are here: any target can be shown without a kernel. */
    this.complete = source.logits.length > 0;
    const every = Array.from({ length: this.nStates }, (_, state) => state);
    this.known = new Set(source.known ?? every);
    /** States that are still on their way. */
    this.missing = this.nClasses > 0 ? this.nStates - this.known.size : 0;
  }

  /** Whether a token's numbers are here; the readout's come first. @param {number} state @param {number} token */
  isKnown(state, token) {
    return this.nClasses === 0 || token === this.readout || this.known.has(state);
  }

  /** @param {number} index @returns {Label} */
  label(index) {
    const name = this.source.labels[index] ?? `class ${index}`;
    return { index, name, brief: briefly(name.slice(this.shared)), emoji: isBackground(name) ? "" : emojiOf(this.source.emoji[index]) };
  }

  /** @param {number} state */
  stateName(state) {
    return this.meta.state_names[state] ?? String(state);
  }

  /** @param {number} state @param {number} token */
  at(state, token) {
    return state * (this.nTokens + 1) + token;
  }

  /**
   * A token's answer of a given place, 0 being the most probable.
   * @param {number} state
   * @param {number} token
   * @param {number} place
   * @returns {Answer}
   */
  answer(state, token, place = 0) {
    const at = this.at(state, token) * this.nAnswers + place;
    if (!this.isKnown(state, token)) return { label: ON_ITS_WAY, probability: NaN };
    return {
      label: this.label(this.source.topIndex[at] ?? 0),
      probability: this.source.topProbability[at] ?? NaN,
    };
  }

  /** @param {number} state @param {number} token */
  topClass(state, token) {
    return this.source.topIndex[this.at(state, token) * this.nAnswers] ?? 0;
  }

  /** @param {number} state @param {number} token */
  topProbability(state, token) {
    return this.source.topProbability[this.at(state, token) * this.nAnswers] ?? NaN;
  }

  /** @param {number} state @param {number} token */
  entropy(state, token) {
    return this.source.entropy[this.at(state, token)] ?? NaN;
  }

  /** @param {number} state @param {number} token */
  kl(state, token) {
    return this.source.kl[this.at(state, token)] ?? NaN;
  }

  /**
   * A class's probability, from the table of logits or else from a target's column.
   * @param {TargetColumns} columns
   * @param {number} state
   * @param {number} token
   */
  probability(columns, state, token) {
    const at = this.at(state, token);
    return this.chance(columns.logit[at] ?? NaN, at);
  }

  /** A class's logit as its probability. @param {number} logit @param {number} at */
  chance(logit, at) {
    return this.alone ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit - (this.source.logsumexp[at] ?? NaN));
  }

  /** The largest that the entropy can be, in nats. */
  get mostEntropy() {
    return this.alone ? this.nClasses * Math.LN2 : Math.log(this.nClasses);
  }

  /**
   * The readout's probability of any class, where it is known: null when only the kernel knows.
   * @param {number} state
   * @param {number} target
   */
  readoutProbability(state, target) {
    const at = this.at(state, this.readout);
    if (this.complete) {
      return this.chance(this.source.logits[at * this.nClasses + target] ?? NaN, at);
    }
    for (let place = 0; place < this.nAnswers; place++) {
      const { label, probability } = this.answer(state, this.readout, place);
      if (label.index === target) return probability;
    }
    return null;
  }

  /**
   * A class's logits and ranks out of the complete table.
   * @param {number} target
   * @returns {TargetColumns}
   */
  columns(target) {
    const { logits } = this.source;
    const count = logits.length / this.nClasses;
    const logit = new Float32Array(count);
    const rank = new Int32Array(count);
    for (let at = 0, start = 0; at < count; at++, start += this.nClasses) {
      const own = logits[start + target] ?? NaN;
      let better = 0;
      for (let c = start; c < start + this.nClasses; c++) better += Number((logits[c] ?? 0) > own);
      logit[at] = own;
      rank[at] = better + 1;
    }
    return { of: target, logit, rank };
  }

  /** @param {number} token @returns {{ row: number, col: number } | null} null for a prefix token */
  place(token) {
    const patch = token - this.nPrefix;
    if (patch < 0 || patch >= this.nPatches) return null;
    return { row: Math.floor(patch / this.cols), col: patch % this.cols };
  }

  /**
   * "row 4, col 3", "CLS", "register 1", "readout".
   * @param {number} token
   */
  describe(token) {
    const place = this.place(token);
    if (place) return `row ${place.row}, col ${place.col}`;
    return token === this.readout ? `${this.meta.readout_name} readout` : (this.meta.prefix[token] ?? "");
  }
}
