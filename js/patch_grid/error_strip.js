// What went wrong, as a sentence with its remedies; the last good picture stays where it is.
import { element, fill } from "../lib/dom.js";

/** @typedef {{ text: string, run: () => void }} Remedy */

/** @returns {{ node: HTMLElement, show: (sentence: string, remedies: Remedy[]) => void }} */
export function errorStrip() {
  const node = element("div", "vl-error", { role: "alert", hidden: true });
  return {
    node,
    show(sentence, remedies) {
      node.hidden = sentence === "";
      if (node.hidden) return fill(node);
      const words = element("p", "", {}, element("b", "", {}, "Error."), ` ${sentence}`);
      fill(node, words, element("div", "vl-remedies", {}, ...remedies.map(remedyButton)));
    },
  };
}

/** @param {Remedy} remedy */
function remedyButton({ text, run }) {
  const button = element("button", "vl-button", { type: "button" }, text);
  button.addEventListener("click", run);
  return button;
}
