// What went wrong, as a sentence with its remedies; the last good picture stays where it is.
import { element, fill } from "./dom.js";

/** @typedef {{ text: string, run: () => void }} Remedy */
/** @typedef {{ sentence: string, remedies: Remedy[], word?: string }} Complaint  word: instead of "Error." */

/** Begins the sentence on a saved page, where nothing went wrong. */
export const NOT_HERE = "Not on this page.";

/** @returns {{ node: HTMLElement, show: (complaint: Complaint, dismiss: () => void) => void }} */
export function errorStrip() {
  const node = element("div", "vl-error", { role: "alert", hidden: true });
  let said = "";
  return {
    node,
    show({ sentence, remedies, word = "Error." }, dismiss) {
      const key = [sentence, ...remedies.map(({ text }) => text)].join();
      if (key === said) return; // or a screen reader would say it again
      said = key;
      node.hidden = sentence === "";
      node.classList.toggle("vl-not-here", word === NOT_HERE);
      if (node.hidden) return fill(node);
      const words = element("p", "", {}, element("b", "", {}, word), ` ${sentence}`);
      const buttons = [...remedies, { text: "Dismiss", run: dismiss }].map(remedyButton);
      fill(node, words, element("div", "vl-remedies", {}, ...buttons));
    },
  };
}

/**
 * What a view complains of, else the kernel's sentence; dismissed, it is gone from both.
 * @param {ReturnType<typeof errorStrip>} strip
 * @param {{ complaint?: Complaint | undefined, choices: { error: string }, draw: () => void }} view
 * @param {(change: { error: string }) => void} choose
 */
export function sayErrors(strip, view, choose) {
  strip.show(view.complaint ?? { sentence: view.choices.error, remedies: [] }, () => {
    view.complaint = undefined;
    if (view.choices.error) choose({ error: "" });
    else view.draw();
  });
}

/** @param {Remedy} remedy */
function remedyButton({ text, run }) {
  const button = element("button", "vl-button", { type: "button" }, text);
  button.addEventListener("click", run);
  return button;
}
