// The two images of a pair, and what the model answers to each.
import { Grounds } from "../lib/grounds.js";

export class Pair {
  /**
   * @param {[height: number, width: number]} size
   * @param {Uint8Array} pictures  `[2, height, width, 3]`
   * @param {Float32Array} logits  `[2, class]`
   * @param {string} kind  "softmax" or "sigmoid"
   */
  constructor([height, width], pictures, logits, kind) {
    const [bytes, nClasses] = [3 * height * width, logits.length / 2];
    this.grounds = [0, 1].map((i) => new Grounds(pictures.subarray(i * bytes, (i + 1) * bytes), width, height));
    this.logits = [0, 1].map((i) => logits.subarray(i * nClasses, (i + 1) * nClasses));
    this.probabilities = this.logits.map((one) => (kind === "sigmoid" ? one.map((z) => 1 / (1 + Math.exp(-z))) : softmax(one)));
  }

  /** The logit of the target, less that of the other class. @param {number} which @param {number} target @param {number | null} against */
  metric(which, target, against) {
    const logits = this.logits[which] ?? new Float32Array();
    return (logits[target] ?? NaN) - (against === null ? 0 : (logits[against] ?? NaN));
  }

  /** @param {Pick<import("./effects.js").Of, "target" | "against" | "direction">} of @returns {import("./effects.js").Ends} */
  ends({ target, against, direction }) {
    const base = baseOf(direction);
    return { base: this.metric(base, target, against), other: this.metric(1 - base, target, against) };
  }
}

/** Which of the two runs places are exchanged in. @param {"noising" | "denoising"} direction */
export const baseOf = (direction) => (direction === "noising" ? 0 : 1);

/** @param {Float32Array} logits */
function softmax(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((z) => Math.exp(z - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((one) => one / sum);
}
