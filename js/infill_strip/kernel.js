// What the kernel is asked, one thing at a time: while it infills one mask only the latest request is
// kept, so that a brush that sweeps over many patches leaves no queue behind. Another image is a
// request of its own, after the mask that was painted before it was chosen.

/** @typedef {Record<string, unknown>} Change */

/** Between two masks, ms: a stroke is not sent patch by patch. */
const PAUSE = 60;
/** Without a new request, ms, before the numbers are asked for: they are worth no delay of a picture. */
const CALM = 80;
const PATIENCE = 20_000;
const SILENCE =
  "The kernel has not answered for 20 seconds: it may be busy with another cell, or gone. What is shown is what it sent last.";

export class Kernel {
  /**
   * @param {object} wires
   * @param {(change: Change) => number} wires.send  gives the number under which it is answered
   * @param {() => Change | null} wires.rest  what is to be asked when nothing else is wanted
   * @param {(sentence: string) => void} wires.onSilence
   * @param {() => void} wires.onSent
   */
  constructor({ send, rest, onSilence, onSent }) {
    this.send = send;
    this.rest = rest;
    this.onSilence = onSilence;
    this.onSent = onSent;
    /** In the order in which they are sent. @type {Change[]} */
    this.requests = [];
    /** @type {number | null} the number of what is being answered */
    this.asked = null;
    this.sentAt = -Infinity;
    /** Whether what is being answered changes the pictures. */
    this.isPainting = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.pause = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.calm = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.patience = undefined;
  }

  /** All that is asked for and has not been sent. @returns {Change} */
  get requested() {
    return Object.assign({}, ...this.requests);
  }

  /** A newer request takes the place of the last: a mask that of a way to draw one, and the reverse. @param {Change} change */
  want(change) {
    const last = this.requests.at(-1);
    const isAlike = last !== undefined && "image" in last === "image" in change;
    const kept = isAlike ? { ...this.requests.pop() } : {};
    for (const name of "mask" in change ? ["mask_ratio", "seed"] : ["mask"]) delete kept[name];
    this.requests.push({ ...kept, ...change });
    clearTimeout(this.calm);
    this.next();
  }

  /** Sends the request when the kernel is free and the last one is not too near. */
  next() {
    if (this.asked !== null || this.pause !== undefined || this.requests.length === 0) return;
    const wait = this.sentAt + PAUSE - performance.now();
    if (wait <= 0) return this.sendWish();
    this.pause = setTimeout(() => {
      this.pause = undefined;
      if (this.asked === null) this.sendWish();
    }, wait);
  }

  sendWish() {
    const change = this.requests.shift() ?? {};
    this.sentAt = performance.now();
    this.ask(change, true);
  }

  /** @param {Change} change @param {boolean} isPainting */
  ask(change, isPainting) {
    this.isPainting = isPainting;
    this.asked = this.send(change);
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.onSilence(SILENCE), PATIENCE);
    this.onSent();
  }

  /** The kernel has answered everything up to a number. @param {number} answered */
  hear(answered) {
    if (this.asked === null || answered < this.asked) return;
    clearTimeout(this.patience);
    this.asked = null;
    this.isPainting = false;
    if (this.requests.length === 0) this.calmDown();
    else this.next();
  }

  calmDown() {
    clearTimeout(this.calm);
    this.calm = setTimeout(() => {
      const change = this.asked === null && this.requests.length === 0 ? this.rest() : null;
      if (change) this.ask(change, false);
    }, CALM);
  }

  destroy() {
    for (const timer of [this.pause, this.calm, this.patience]) clearTimeout(timer);
  }
}
