// What streams in: while a part of a widget's data is missing, its page asks the kernel for the next
// piece, one at a time, so that other cells run in between.

/** Longer than a cell that fills the widget itself, or that others wait for, may take. */
const PATIENCE = 3_600_000;

export class Rest {
  /**
   * @param {import("./requests.js").Ask | null} ask  null on a page without a kernel, which has it all
   * @param {(sentence: string, again: () => void) => void} onError
   */
  constructor(ask, onError) {
    this.ask = ask;
    this.onError = onError;
    this.isAsked = false;
    /** Pieces that were missing when a question failed: not asked again of itself. */
    this.failedAt = 0;
    this.missing = 0;
    /** @type {unknown} */
    this.of = undefined;
  }

  /**
   * @param {number} missing  pieces that are not here
   * @param {unknown} [of]  what they are of; of another image, what failed before is asked again
   */
  want(missing, of = this.of) {
    if (of !== this.of) this.failedAt = 0;
    [this.missing, this.of] = [missing, of];
    if (missing > 0 && missing !== this.failedAt && this.ask && !this.isAsked) void this.send(this.ask);
  }

  /** @param {import("./requests.js").Ask} ask */
  async send(ask) {
    this.isAsked = true;
    const asked = this.missing;
    try {
      const [{ error = "", left = 0 }] = await ask("_more", {}, [], PATIENCE);
      this.isAsked = false;
      if (error) this.fail(error, asked);
      else if (left > 0) this.want(Math.min(left, this.missing));
    } catch {
      this.isAsked = false; // the view has gone, or the kernel: who asks for anything else is told so
      this.failedAt = asked;
    }
  }

  /** @param {string} sentence @param {number} asked */
  fail(sentence, asked) {
    this.failedAt = asked;
    this.onError(sentence, () => {
      this.failedAt = 0;
      this.want(this.missing);
    });
  }
}
