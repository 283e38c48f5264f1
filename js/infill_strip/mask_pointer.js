// The reader's pointer on the mask: what he paints shows at once, and the kernel infills what it can
// keep up with.
import { NOT_HERE } from "../lib/error_strip.js";
import { Kernel } from "./kernel.js";

/** @typedef {import("./scene.js").Choices} Choices */

export const NO_KERNEL = "This page has no kernel to infill another mask: it shows what was saved with it.";

/**
 * @typedef {object} Wires  to the notebook
 * @property {(change: Partial<Choices>) => void} choose  a choice that needs no answer
 * @property {((change: import("./kernel.js").Change) => number) | null} send  null without a kernel
 * @property {() => import("./kernel.js").Change | null} rest
 */

/**
 * @typedef {object} Holder  whose pointer it is
 * @property {() => number | null} image  what is painted on; null when it cannot be now
 * @property {(sentence: string, word?: string) => void} complain
 * @property {(change: Partial<Choices>) => void} onRequest  something is asked for that is not here yet
 * @property {() => void} onSent
 */

export class MaskPointer {
  /** @param {Uint8Array} mask @param {Wires} wires @param {Holder} holder */
  constructor(mask, wires, holder) {
    /** The notebook's, or what the reader has painted since. */
    this.mask = mask;
    this.wires = wires;
    this.holder = holder;
    this.kernel = new Kernel({
      send: (change) => wires.send?.(change) ?? 0,
      rest: wires.rest,
      onSilence: (sentence) => holder.complain(sentence),
      onSent: holder.onSent,
    });
  }

  /** @returns {Pick<import("./scene.js").Actions, "paint" | "remask" | "ask" | "mask">} */
  actions() {
    return {
      paint: (patches, hide) => {
        const value = Number(hide);
        if (patches.every((patch) => this.mask[patch] === value)) return;
        const mask = Uint8Array.from(this.mask);
        for (const patch of patches) mask[patch] = value;
        this.remask(mask);
      },
      remask: (mask) => this.remask(mask),
      ask: (change) => this.ask(change),
      mask: () => this.mask,
    };
  }

  /** The hatch follows at once. @param {Uint8Array} mask */
  remask(mask) {
    if (!this.wires.send) return this.holder.complain(NO_KERNEL, NOT_HERE);
    const image = this.holder.image();
    if (image === null || mask.every((one, i) => one === this.mask[i])) return;
    this.mask = mask;
    this.kernel.want({ mask, _mask_image: image });
    this.holder.onRequest({});
  }

  /** A choice that the kernel answers with pictures. @param {Partial<Choices>} change */
  ask(change) {
    if (!this.wires.send) return this.holder.complain(NO_KERNEL, NOT_HERE);
    this.kernel.want(change);
    this.holder.onRequest(change);
  }

  /** What the reader has asked for and the notebook does not know yet. @param {object} choices */
  requested(choices) {
    return Object.fromEntries(Object.entries(this.kernel.requested).filter(([name]) => name in choices));
  }

  /**
   * What the notebook has now. A mask that came from there takes the place of the reader's, unless
   * he has painted on since.
   * @param {Uint8Array} mask
   * @param {number} answered  how many of the reader's requests
   * @returns {boolean} whether what was asked has been answered
   */
  hear(mask, answered) {
    if (!("mask" in this.kernel.requested)) this.mask = mask;
    const wasAsked = this.kernel.asked;
    this.kernel.hear(answered);
    return wasAsked !== null && this.kernel.asked !== wasAsked;
  }
}
