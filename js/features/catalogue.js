// All features with their numbers: who is found, in what order. A feature's id counts over all blocks.

/** @typedef {import("./scene.js").NumberName} NumberName */
/** @typedef {import("./scene.js").AxisName} AxisName */

/** @type {NumberName[]} as NUMBERS in data.py */
const NAMES = ["selectivity", "largest", "density", "mean", "share"];

/** As SPARK_BINS in data.py. */
export const SPARK_BINS = 24;
/** As SELECTIVE in data.py. */
export const SELECTIVE = 0.9;
/** What fires on fewer patches of the data is not compared by shares: its largest says little. */
export const SELDOM = 5;

/**
 * @typedef {object} Sent
 * @property {Float32Array} numbers  [number, feature]
 * @property {Int16Array | Int32Array} best
 * @property {Uint8Array} sparks  [feature, bin]
 * @property {Uint16Array} areas  [class, feature], 0 for none
 * @property {Int32Array} table  [layer, class]
 */

export class Catalogue {
  /** @param {{ layers: number[], width: number, n_patches: number }} sizes @param {Sent} sent */
  constructor({ layers, width, n_patches }, sent) {
    this.nPatches = n_patches;
    /** @type {Float32Array | null} of what is not known */
    this.nothing = null;
    this.layers = layers;
    this.width = width;
    this.n = layers.length * width;
    this.sent = sent;
    this.nClasses = this.n ? sent.areas.length / this.n : 0;
  }

  /** @param {NumberName} name @returns {Float32Array} of all features */
  numbers(name) {
    const row = NAMES.indexOf(name);
    return this.sent.numbers.subarray(row * this.n, (row + 1) * this.n);
  }

  /** @param {NumberName} name @param {number} id */
  number(name, id) {
    return this.numbers(name)[id] ?? NaN;
  }

  /** -1 where the block was not looked at. @param {number} layer @param {number} feature */
  id(layer, feature) {
    const place = this.layers.indexOf(layer);
    return place < 0 || feature < 0 || feature >= this.width ? -1 : place * this.width + feature;
  }

  /** @param {number} id @returns {{ layer: number, feature: number }} */
  of(id) {
    return { layer: this.layers[Math.floor(id / this.width)] ?? 0, feature: id % this.width };
  }

  /** The class that it tells best, -1 if nobody knows. @param {number} id */
  best(id) {
    return this.sent.best[id] ?? -1;
  }

  /** @param {number} target @param {number} id */
  area(target, id) {
    const code = this.sent.areas[target * this.n + id] ?? 0;
    return code ? (code - 1) / 65534 : NaN;
  }

  /** Numbers as they are shown while a class is searched: its own area then. @param {AxisName} name @param {number | null} target @param {Float32Array | null} effect @returns {Float32Array} */
  shown(name, target, effect) {
    if (name === "effect") return effect ?? (this.nothing ??= new Float32Array(this.n).fill(NaN));
    if (name === "tail") return this.shown("selectivity", target, null);
    if (name !== "selectivity" || target === null || !this.nClasses) return this.numbers(name);
    return Float32Array.from({ length: this.n }, (_, id) => this.area(target, id));
  }

  /** Heights 0..15 of all patches, times 16, and of those of its best class. @param {number} id */
  spark(id) {
    return this.sent.sparks.subarray(id * SPARK_BINS, (id + 1) * SPARK_BINS);
  }

  /**
   * Those that tell a class best, or well; of a block alone, if one is given.
   * @param {number | null} target  null: all
   * @param {number | null} only
   * @returns {Uint32Array} ascending
   */
  found(target, only) {
    const place = only === null ? -1 : this.layers.indexOf(only);
    const from = place < 0 ? 0 : place * this.width;
    const to = place < 0 ? this.n : from + this.width;
    const ids = new Uint32Array(to - from);
    let count = 0;
    for (let id = from; id < to; id++) {
      const isFound = target === null || (place < 0 && this.best(id) === target) || this.area(target, id) >= SELECTIVE;
      if (isFound) ids[count++] = id;
    }
    return ids.subarray(0, count);
  }

  /**
   * Features by a number, the largest first; those whose number is not known last.
   * @param {Uint32Array} ids
   * @param {Float32Array} numbers  of all features
   */
  ordered(ids, numbers) {
    const key = (/** @type {number} */ id) => {
      const number = numbers[id] ?? NaN;
      return Number.isNaN(number) ? -Infinity : number;
    };
    return Uint32Array.from(ids).sort((a, b) => {
      const [one, other] = [key(a), key(b)];
      return one === other ? a - b : other - one;
    });
  }

  /** Shares of those that fire often enough, NaN for the others. @param {Float32Array} shares */
  ranked(shares) {
    const density = this.numbers("density");
    return shares.map((value, id) => (Math.round((density[id] ?? 0) * this.nPatches) < SELDOM ? NaN : value));
  }

  /** How many never fire. */
  get nSilent() {
    let count = 0;
    for (const value of this.numbers("largest")) if (!(value > 0)) count++;
    return count;
  }

  /** How many of each block find each class. @param {number} place @param {number} target */
  count(place, target) {
    return this.sent.table[place * this.nClasses + target] ?? 0;
  }

  /** Classes by how many features find them, in label order; the most frequent ones, if there are many. @param {number} most */
  columns(most) {
    const totals = Array.from({ length: this.nClasses }, (_, target) => this.layers.reduce((sum, _layer, place) => sum + this.count(place, target), 0));
    const all = totals.map((_, target) => target);
    if (all.length <= most) return all;
    return all.sort((a, b) => (totals[b] ?? 0) - (totals[a] ?? 0) || a - b).slice(0, most).sort((a, b) => a - b);
  }
}
