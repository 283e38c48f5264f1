// The classes taught so far: their examples, what every patch answers, and each example left out.

/** @typedef {{ number: number, classIndex: number, image: number, token: number }} Example  number: its place in the list, from 1 */
/** @typedef {{ index: number, slot: number, name: string, emoji: string, examples: Example[] }} TaughtClass  slot: its place among colours */

/**
 * @typedef {object} Lessons  as the kernel describes them
 * @property {{ name: string, emoji: string, slot: number, examples: [image: number, token: number][] }[]} classes
 * @property {boolean} can_undo
 * @property {boolean} can_redo
 * @property {string} python  lines that teach the same
 */

const WHOLE = 65535;

export class Taught {
  /**
   * @param {{ nStates: number, nImages: number, nPatches: number, nPrefix: number }} sizes
   * @param {Lessons} lessons
   * @param {object} sent
   * @param {Int16Array} sent.map  class [state, image, patch], −1 where nothing is known; empty without classes
   * @param {Uint16Array} sent.certainty  its probability as codes
   * @param {Int16Array} sent.held  [examples from state or final, state, example]: the class that the others give it, −1 for none
   */
  constructor(sizes, lessons, { map, certainty, held }) {
    this.sizes = sizes;
    this.lessons = lessons;
    this.map = map;
    this.certainty = certainty;
    this.held = held;
    let number = 0;
    /** @type {TaughtClass[]} */
    this.classes = lessons.classes.map(({ name, emoji, slot, examples }, index) => ({
      index,
      slot,
      name,
      emoji,
      examples: examples.map(([image, token]) => ({ number: ++number, classIndex: index, image, token })),
    }));
    /** How many classes have examples: only these are answered. */
    this.nTaught = this.classes.filter(({ examples }) => examples.length > 0).length;
    this.examples = this.classes.flatMap(({ examples }) => examples);
  }

  /** Classes [patch] of an image in a state. @param {number} state @param {number} image */
  regions(state, image) {
    const from = (state * this.sizes.nImages + image) * this.sizes.nPatches;
    return this.map.subarray(from, from + this.sizes.nPatches);
  }

  /** @param {number} state @param {number} image @param {number} token @returns {{ index: number, probability: number }} −1 for a prefix token */
  answer(state, image, token) {
    const { nImages, nPatches, nPrefix } = this.sizes;
    if (token < nPrefix) return { index: -1, probability: NaN };
    const at = (state * nImages + image) * nPatches + token - nPrefix;
    return { index: this.map[at] ?? -1, probability: (this.certainty[at] ?? 0) / WHOLE };
  }

  /** Patches of each class in an image. @param {number} state @param {number} image */
  counts(state, image) {
    const counts = /** @type {number[]} */ (Array(this.classes.length).fill(0));
    for (const index of this.regions(state, image)) if (index >= 0) counts[index] = (counts[index] ?? 0) + 1;
    return counts;
  }

  /** The class that the other examples give to one. @param {"state" | "final"} from @param {number} state @param {Example} example */
  left(from, state, { number }) {
    const n = this.examples.length;
    const mode = from === "final" ? 1 : 0;
    return this.held[(mode * this.sizes.nStates + state) * n + number - 1] ?? -1;
  }

  /** Of the examples that can be left out, how many the others give their own class. @param {"state" | "final"} from @param {number} state */
  agreement(from, state) {
    const asked = this.examples.filter((one) => this.left(from, state, one) >= 0);
    return { right: asked.filter((one) => this.left(from, state, one) === one.classIndex).length, of: asked.length };
  }

  /** The example that a patch is, if it is one. @param {number} image @param {number} token */
  exampleAt(image, token) {
    return this.examples.find((one) => one.image === image && one.token === token) ?? null;
  }

  /** A class's place among colours. @param {number} index */
  slot(index) {
    return this.classes[index]?.slot ?? index;
  }

  /** @param {string | null} name */
  named(name) {
    return this.classes.find((one) => one.name === name) ?? null;
  }
}
