// Questions to the kernel, one at a time: while one is on its way only the latest request is kept, so
// that a pointer that sweeps over many rows leaves no queue behind.

/**
 * @template Message
 * @typedef {object} Answer
 * @property {Message} message  what was asked
 * @property {any} response
 * @property {DataView[]} buffers
 */

/** @typedef {(name: string, message: any, buffers?: ArrayBuffer[], patience?: number) => Promise<[any, DataView[]]>} Ask  patience: in ms */

const A_DAY = 86_400_000;

/**
 * Of what goes on by itself: nobody waits for it, so that while other cells run there is nothing to complain of.
 * @param {Ask} ask
 * @returns {Ask}
 */
export const patient = (ask) => (name, message) => ask(name, message, [], A_DAY);

/** @template Message */
export class Latest {
  /**
   * @param {Ask} ask
   * @param {string} name  of the command
   * @param {(answer: Answer<Message>) => void} onAnswer
   * @param {(sentence: string, again: () => void) => void} onError
   */
  constructor(ask, name, onAnswer, onError) {
    this.ask = ask;
    this.name = name;
    this.onAnswer = onAnswer;
    this.onError = onError;
    /** @type {string | null} what is on its way */
    this.asked = null;
    /** What was refused last: it is not asked again of itself. */
    this.refused = "";
    /** @type {Message | null} */
    this.request = null;
  }

  get isWaiting() {
    return this.asked !== null;
  }

  /** @param {Message} message */
  want(message) {
    const key = JSON.stringify(message);
    if (key === this.refused) return;
    if (this.asked === null) void this.send(message, key);
    else this.request = key === this.asked ? null : message;
  }

  /** @param {Message} message @param {string} key */
  async send(message, key) {
    this.asked = key;
    this.refused = "";
    /** @type {Message | null} */
    let next = null;
    try {
      const [response, buffers] = await this.ask(this.name, message);
      next = this.arrived();
      if (response.error) this.fail(response.error, message, key);
      else this.onAnswer({ message, response, buffers });
    } catch (error) {
      next = this.arrived();
      this.fail(sentenceOf(error), message, key);
    }
    // What the answer has made the view ask for is newer than a request from before it.
    if (next && !this.isWaiting) this.want(next);
  }

  /** Nothing is on its way any more; gives what was asked for meanwhile. */
  arrived() {
    const { request } = this;
    this.asked = null;
    this.request = null;
    return request;
  }

  /** @param {string} sentence @param {Message} message @param {string} key */
  fail(sentence, message, key) {
    if (!sentence) return;
    this.refused = key;
    this.onError(sentence, () => {
      this.refused = "";
      this.want(message);
    });
  }
}

/** @param {unknown} error @returns {string} empty when the view itself has gone */
function sentenceOf(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "AbortError") return "";
  if (name === "TimeoutError") {
    return "The kernel has not answered for a minute: it may be busy with another cell, or gone. What is shown is what it sent last.";
  }
  return error instanceof Error ? error.message : String(error);
}
