// Another image: a button that asks for a file, and files dropped on the widget.
import { element } from "./dom.js";
import { NOT_HERE } from "./error_strip.js";

/** @typedef {(file: Blob & { name?: string }) => void} Open */

/** @param {Open} open @param {string} whyNot  empty where images can be opened */
export function openButton(open, whyNot) {
  const input = element("input", "", { type: "file", accept: "image/*,.tif,.tiff", hidden: true, tabindex: -1 });
  const button = element("button", "vl-button", { type: "button", disabled: whyNot !== "", title: whyNot || "Open an image file, or drop one anywhere on this widget" }, "Open image …");
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    input.value = ""; // the same file may be opened again
    if (file) open(file);
  });
  return element("div", "vl-open", {}, button, input);
}

/** @param {HTMLElement} root @param {Open} open @param {AbortSignal} signal */
export function listenToDrops(root, open, signal) {
  const mark = (/** @type {boolean} */ isOver) => root.classList.toggle("vl-dropping", isOver);
  const holdsFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  root.addEventListener(
    "dragover",
    (event) => {
      if (!holdsFile(event)) return;
      event.preventDefault(); // or the browser would leave the notebook for the file
      event.stopPropagation();
      mark(true);
    },
    { signal },
  );
  root.addEventListener("dragleave", (event) => root.contains(/** @type {Node | null} */ (event.relatedTarget)) || mark(false), { signal });
  root.addEventListener(
    "drop",
    (event) => {
      if (!holdsFile(event)) return;
      event.preventDefault();
      event.stopPropagation();
      mark(false);
      const [file] = event.dataTransfer?.files ?? [];
      if (file) open(file);
    },
    { signal },
  );
}

/** A notebook's server takes no larger message from a browser, and bytes grow on their way. */
const MOST_BYTES = 6_000_000;

/** Hands an image file to the kernel's `_open`. */
export class Opening {
  /**
   * @param {import("./requests.js").Ask | null} ask  null on a page without a kernel
   * @param {{ whyNot: string, inPython: string }} words  said without a kernel; what to do with a large file, to end the sentence
   * @param {{ complain: (sentence: string, word?: string) => void, changed: () => void }} holder
   */
  constructor(ask, words, holder) {
    this.ask = ask;
    this.words = words;
    this.holder = holder;
    this.isBusy = false;
  }

  /** @param {Blob & { name?: string }} file */
  async open(file) {
    const { ask, holder, words } = this;
    if (!ask) return holder.complain(words.whyNot, NOT_HERE);
    if (file.size > MOST_BYTES) return holder.complain(tooLarge(file, words.inPython));
    this.isBusy = true;
    holder.changed();
    const failed = await answerTo(ask, file);
    this.isBusy = false;
    if (failed) holder.complain(failed);
    else holder.changed();
  }
}

/** Why a file could not be opened; empty when it was. @param {import("./requests.js").Ask} ask @param {Blob & { name?: string }} file @returns {Promise<string>} */
async function answerTo(ask, file) {
  try {
    const [{ error = "" }] = await ask("_open", { name: file.name ?? "" }, [await file.arrayBuffer()]);
    return error;
  } catch (error) {
    return error instanceof DOMException && error.name === "AbortError" ? "" : "The kernel did not take the image: it may be busy with another cell, or gone.";
  }
}

/** @param {Blob & { name?: string }} file @param {string} inPython */
const tooLarge = ({ name, size }, inPython) =>
  `“${name ?? "This file"}” has ${Math.round(size / 1e6)} MB, more than a notebook takes from a browser: ${inPython}.`;
