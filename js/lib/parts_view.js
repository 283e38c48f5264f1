// What a view that is made of parts is of, and what it complains of. Whoever is one has a `draw` that
// hands the parts their scene.
import { NOT_HERE } from "./error_strip.js";

/**
 * @template Meta, Data
 * @template {{ error: string }} Choices
 */
export class PartsView {
  /**
   * @param {Meta} meta
   * @param {Data} data
   * @param {Choices} choices
   * @param {import("./requests.js").Ask | null} ask  null on a page without a kernel
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   */
  constructor(meta, data, choices, ask, onChoose) {
    this.meta = meta;
    this.data = data;
    this.choices = choices;
    this.canAsk = ask !== null;
    this.onChoose = onChoose;
    /** @type {import("./error_strip.js").Complaint | undefined} */
    this.complaint = undefined;
  }

  draw() {}

  /** @param {string} sentence @param {import("./error_strip.js").Remedy[]} remedies */
  complain(sentence, remedies) {
    const run = (/** @type {() => void} */ then) => () => {
      this.complaint = undefined;
      then();
      this.draw();
    };
    const word = this.canAsk ? "Error." : NOT_HERE;
    this.complaint = { sentence, word, remedies: remedies.map((remedy) => ({ ...remedy, run: run(remedy.run) })) };
    this.draw();
  }

  /** New choices, and new data if there are any. @param {Choices} choices @param {Data} data */
  update(choices, data) {
    this.choices = choices;
    this.data = data;
    this.draw();
  }
}
