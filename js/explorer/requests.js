// What the reader asks of the kernel and sees at once: heads off, another image.
import { NOT_HERE } from "../lib/error_strip.js";
import { Opening } from "../lib/open_image.js";
import { Latest } from "../lib/requests.js";

/** @typedef {[layer: number, head: number]} Head */

const NO_KERNEL = "This page has no kernel to run the model again: it shows what was saved with it.";

/**
 * @typedef {object} Holder
 * @property {() => Head[]} heads  that are off
 * @property {(sentence: string, word?: string) => void} complain
 * @property {() => void} changed
 */

export class RunRequests {
  /** @param {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel @param {Holder} holder */
  constructor(ask, holder) {
    this.ask = ask;
    this.holder = holder;
    /** @type {Head[] | null} heads that are to be off, while the kernel is at it */
    this.heads = null;
    this.opening = new Opening(ask, { whyNot: NO_KERNEL, inPython: "give its path to explorer.show in Python" }, holder);
    const done = () => {
      if (!this.latest?.request) this.heads = null;
      holder.changed();
    };
    /** @type {Latest<{ heads: Head[] }> | null} */
    this.latest = ask && new Latest(ask, "_knock_out", done, (sentence) => {
      done();
      holder.complain(sentence);
    });
  }

  /** Heads that are off, or will be. @returns {Head[]} */
  get requested() {
    return this.heads ?? this.holder.heads();
  }

  /** @param {number} layer @param {number} head */
  switchHead(layer, head) {
    const others = this.requested.filter(([l, h]) => l !== layer || h !== head);
    this.want(others.length < this.requested.length ? others : [...others, [layer, head]]);
  }

  /** @param {Head[]} heads */
  want(heads) {
    if (!this.latest) return this.holder.complain(NO_KERNEL, NOT_HERE);
    this.heads = heads.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
    this.latest.refused = "";
    this.latest.want({ heads: this.heads });
    this.holder.changed();
  }
}
