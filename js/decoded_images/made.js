// What the kernel has made of an image so far: pictures of states and components, and their numbers.
import { quantile, rankAmong } from "./ranks.js";

/** @typedef {import("./scene.js").Picture} Picture */
/** @typedef {import("./scene.js").Place} Place */

/** Similarity, before, the class's index, its probability. */
const NUMBERS = 4;
/** Random directions below which they are no band. */
const LEAST = 5;

/**
 * @typedef {object} Sent
 * @property {number} image
 * @property {Uint8Array} states  [state, seed, height, width, 3]
 * @property {Float32Array} stateNumbers  [state, seed, number]
 * @property {Float32Array} others  [state]
 * @property {Uint8Array} attention  [layer, head, patch]
 * @property {Float32Array} attentionTop  [layer, head]
 * @property {Float32Array} effects  [layer, head]
 * @property {number[]} order  of components, [layer, head or MLP] in a row
 * @property {Uint8Array} heads
 * @property {Float32Array} headNumbers
 * @property {Float32Array} random  [layer, head, similarity | before]
 * @property {{ rho?: number, low?: number, high?: number }} told
 * @property {{ no_effects?: string }} words
 * @property {Record<string, [name: string, emoji: string]>} names
 * @property {number} left  pieces that are still to be made
 */

export class Made {
  /** @param {import("./scene.js").Meta} meta @param {Sent} sent @param {Picture} input */
  constructor(meta, sent, input) {
    this.meta = meta;
    this.sent = sent;
    this.input = input;
    this.columns = meta.n_heads + 1;
    this.nHeads = meta.n_layers * meta.n_heads;
    /** Places of all heads, [layer, head] in a row. @type {Place[]} */
    this.heads = Array.from({ length: this.nHeads }, (_, i) => ({ layer: Math.floor(i / meta.n_heads), column: i % meta.n_heads }));
    /** Similarity of each head's picture, of its embedding, the effect of its ablation. */
    this.similarities = this.heads.map((place) => this.number(place, 0));
    this.befores = this.heads.map((place) => this.number(place, 1));
    this.effects = Array.from(sent.effects);
    this.nMade = this.similarities.filter((value) => !Number.isNaN(value)).length;
    this.hasEffects = this.nHeads > 0 && !this.effects.some(Number.isNaN);
  }

  /** Of a state, or a component. @param {Place} place @param {number} which @param {number} seed */
  number({ layer, column }, which, seed = 0) {
    const { stateNumbers, headNumbers } = this.sent;
    if (column < 0) return stateNumbers[(layer * this.meta.seeds.length + seed) * NUMBERS + which] ?? NaN;
    return headNumbers[(layer * this.columns + column) * NUMBERS + which] ?? NaN;
  }

  /** The picture as it stands in the table. @param {Place} place @param {number} seed @returns {Picture | null} null while it is not made */
  picture(place, seed = 0) {
    const similarity = this.number(place, 0, seed);
    if (Number.isNaN(similarity) || (place.column >= 0 && seed > 0)) return null;
    const isState = place.column < 0;
    const [height, width] = isState ? this.meta.state_size : this.meta.head_size;
    const at = isState ? place.layer * this.meta.seeds.length + seed : place.layer * this.columns + place.column;
    const rgb = (isState ? this.sent.states : this.sent.heads).subarray(at * 3 * height * width, (at + 1) * 3 * height * width);
    return { rgb, width, height, similarity, before: this.number(place, 1, seed), named: this.named(place, seed) };
  }

  /** @param {Place} place @param {number} seed @returns {import("./scene.js").Named | null} */
  named(place, seed) {
    const known = this.sent.names[String(this.number(place, 2, seed))];
    return known ? { name: known[0], emoji: known[1], chance: this.number(place, 3, seed) } : null;
  }

  /** @param {Place} place */
  effect({ layer, column }) {
    return column >= 0 && column < this.meta.n_heads ? (this.effects[layer * this.meta.n_heads + column] ?? NaN) : NaN;
  }

  /** Similarities of a state's pictures, those of the seeds that are made. @param {number} state */
  ofSeeds(state) {
    const values = this.meta.seeds.map((_, seed) => this.number({ layer: state, column: -1 }, 0, seed));
    return values.filter((value) => !Number.isNaN(value));
  }

  /** How much what is read attends to each patch. @param {number} layer @param {number} head @returns {{ weights: number[], top: number } | null} */
  attention(layer, head) {
    const { rows, cols, n_heads } = this.meta;
    const at = layer * n_heads + head;
    const top = this.sent.attentionTop[at];
    if (top === undefined) return null;
    return { top, weights: Array.from(this.sent.attention.subarray(at * rows * cols, (at + 1) * rows * cols), (code) => code / 255) };
  }

  /** When its turn is, from 1 on. @param {Place} place */
  turn({ layer, column }) {
    return this.sent.order.indexOf(layer * this.columns + column) + 1;
  }

  /** Where 5 to 95 % of random directions lie: of their pictures, or of the embeddings. @param {0 | 1} which @returns {[number, number] | null} */
  band(which) {
    const values = [];
    for (let i = which; i < this.sent.random.length; i += 2) values.push(/** @type {number} */ (this.sent.random[i]));
    const known = values.filter((value) => !Number.isNaN(value));
    return known.length < LEAST ? null : [quantile(known, 0.05), quantile(known, 0.95)];
  }

  /** How many random directions there are. */
  get nRandom() {
    return this.sent.random.filter((value, i) => i % 2 === 0 && !Number.isNaN(value)).length;
  }

  /** "10 of 15": the largest number is the first. @param {number[]} values @param {Place} place */
  rank(values, { layer, column }) {
    return column >= this.meta.n_heads ? "" : rankAmong(values, layer * this.meta.n_heads + column);
  }

  /** Components in the order that is wanted; those without a number last, in their turn. @param {import("./scene.js").Choices["sort"]} sort @returns {Place[]} */
  ordered(sort) {
    const value = (/** @type {Place} */ place) => (sort === "similarity" ? this.number(place, 0) : this.effect(place));
    const places = this.sent.order.map((at) => ({ layer: Math.floor(at / this.columns), column: at % this.columns }));
    const known = places.filter((place) => !Number.isNaN(value(place)));
    known.sort((a, b) => value(b) - value(a));
    return [...known, ...places.filter((place) => Number.isNaN(value(place)))];
  }
}
