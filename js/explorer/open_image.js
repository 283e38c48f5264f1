// Another image: a button that asks for a file, and files dropped on the widget.
import { element } from "../lib/dom.js";

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
