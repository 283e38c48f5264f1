// What a view wants of the kernel: what is wanted now comes first, not while the reader still moves,
// and what is wanted no longer is not asked for.
import { Recent } from "./recent.js";

/** Nothing is asked for while the reader still moves, ms. */
const PATIENCE = 150;
const KEPT = 400;

/**
 * One kind of question says by `answer` what it asks for, and how.
 * @template One  what is wanted
 * @template Made  what is there then
 */
export class Wanted {
  /**
   * @param {import("./requests.js").Ask | null} ask  null on a page without a kernel
   * @param {(one: One) => string} keyOf
   * @param {Map<string, Made>} kept  what was sent along
   * @param {() => void} onArrival
   * @param {(sentence: string, again: () => void) => void} onError
   */
  constructor(ask, keyOf, kept, onArrival, onError) {
    this.ask = ask;
    this.keyOf = keyOf;
    this.kept = kept;
    this.onArrival = onArrival;
    this.onError = onError;
    /** @type {Recent<Made>} */
    this.made = new Recent(KEPT);
    /** @type {One[]} */
    this.wanted = [];
    this.isAsking = false;
    /** What could not be made: not asked for again of itself. */
    this.failed = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.count = 0;
  }

  /** @param {One} one @returns {Made | null} */
  get(one) {
    const key = this.keyOf(one);
    return this.made.get(key) ?? this.kept.get(key) ?? null;
  }

  /** What is to be there, the first first. @param {One[]} all */
  want(all) {
    const key = all.map(this.keyOf).join(";");
    const isNew = key !== this.wanted.map(this.keyOf).join(";");
    this.wanted = all;
    if (!isNew || !this.ask) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.next(), PATIENCE);
  }

  missing() {
    return this.wanted.filter((one) => !this.get(one) && this.keyOf(one) !== this.failed);
  }

  stop() {
    clearTimeout(this.timer);
    this.wanted = [];
  }

  /** Those of what is missing that are asked for together; none for now. @param {One[]} missing */
  together(missing) {
    return missing.slice(0, 1);
  }

  /**
   * The answer for those.
   * @param {import("./requests.js").Ask} _ask
   * @param {One[]} _asked
   * @returns {Promise<{ error?: string, made: Made[] }>}
   */
  answer(_ask, _asked) {
    throw new Error("a kind of question says how it is asked");
  }

  /** What is missing, as it is asked for together. */
  async next() {
    if (!this.ask || this.isAsking) return;
    const asked = this.together(this.missing());
    const first = asked[0];
    if (!first) return;
    this.isAsking = true;
    try {
      const { error, made } = await this.answer(this.ask, asked);
      if (error) this.fail(error, first);
      else this.put(asked, made);
    } catch {
      this.wanted = []; // the view has gone, or the kernel: who asks for anything else is told so
    }
    this.isAsking = false;
    void this.next();
  }

  /** @param {One[]} asked @param {Made[]} made */
  put(asked, made) {
    asked.forEach((one, i) => this.made.set(this.keyOf(one), /** @type {Made} */ (made[i])));
    this.count += 1;
    this.onArrival();
  }

  /** @param {string} sentence @param {One} one */
  fail(sentence, one) {
    this.failed = this.keyOf(one);
    this.onError(sentence, () => {
      this.failed = "";
      void this.next();
    });
  }
}
