// What the reader teaches, told to the kernel one after the other: each click counts.

/** @typedef {import("./scene.js").Lesson} Lesson */

export class Lessons {
  /**
   * @param {import("../lib/requests.js").Ask} ask
   * @param {(sentence: string) => void} onError
   * @param {() => void} onChange  begun, or done
   */
  constructor(ask, onError, onChange) {
    this.ask = ask;
    this.onError = onError;
    this.onChange = onChange;
    /** @type {Lesson[]} */
    this.waiting = [];
    this.isBusy = false;
  }

  /** @param {Lesson} lesson */
  teach(lesson) {
    this.waiting.push(lesson);
    if (!this.isBusy) void this.goOn();
  }

  /** Each click is left out in every state, which is not done of itself where it takes long. */
  async leaveOut() {
    if (this.isBusy) return;
    this.isBusy = true;
    this.onChange();
    await this.told("_leave_out", {});
    this.isBusy = false;
    if (this.waiting.length) void this.goOn();
    else this.onChange();
  }

  /** Whether the view is still there. @param {string} name @param {unknown} message */
  async told(name, message) {
    try {
      const [response] = await this.ask(name, message);
      if (response.error) this.onError(response.error);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return false;
      this.onError(error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  /** All that waits is told at once: the kernel fits and answers for the last of them only. */
  async goOn() {
    this.isBusy = true;
    while (this.waiting.length) {
      const lessons = this.waiting.splice(0);
      this.onChange();
      if (!(await this.told("_teach", { lessons }))) return;
    }
    this.isBusy = false;
    this.onChange();
  }
}
