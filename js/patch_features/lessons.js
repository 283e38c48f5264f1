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

  /** All that waits is told at once: the kernel fits and answers for the last of them only. */
  async goOn() {
    this.isBusy = true;
    while (this.waiting.length) {
      const lessons = this.waiting.splice(0);
      this.onChange();
      try {
        const [response] = await this.ask("_teach", { lessons });
        if (response.error) this.onError(response.error);
      } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") return;
        this.onError(error instanceof Error ? error.message : String(error));
      }
    }
    this.isBusy = false;
    this.onChange();
  }
}
