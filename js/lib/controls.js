// The two kinds of choice: a few words side by side, and a menu.
import { element, fill, setAttributes } from "./dom.js";

/**
 * @typedef {object} Control
 * @property {HTMLElement} node
 * @property {(value: string) => void} show  which choice is on
 * @property {(reason: string | null) => void} disable  says why not; null enables
 */

/** A word, and why it cannot be chosen, if so. @typedef {[value: string, text: string, whyNot?: string]} Option */

/**
 * Two or three words of which one is on.
 * @param {string} name  stands before it; may be empty
 * @param {string} label  for those who do not see it
 * @param {Option[]} options
 * @param {(value: string) => void} choose
 * @returns {Control}
 */
export function segments(name, label, options, choose) {
  const buttons = options.map(([value, text, whyNot = null]) => {
    const button = element("button", "vl-segment", { type: "button", role: "radio", "data-value": value, title: whyNot }, text);
    button.disabled = whyNot !== null;
    button.addEventListener("click", () => choose(value));
    return button;
  });
  const group = element("div", "vl-segments", { role: "radiogroup", "aria-label": label }, ...buttons);
  group.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    const free = buttons.filter((button) => !button.disabled);
    const at = free.findIndex((button) => button.tabIndex === 0);
    const next = free[(at + step + free.length) % free.length];
    event.preventDefault();
    event.stopPropagation();
    next?.focus();
    next?.click();
  });
  return {
    node: element("div", "vl-control", {}, named(name), group),
    show: (value) =>
      buttons.forEach((button) => {
        const on = button.dataset["value"] === value;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on ? 0 : -1;
      }),
    disable: (reason) => {
      setAttributes(group, { "aria-disabled": reason === null ? null : "true", title: reason });
      buttons.forEach((button, i) => {
        const why = reason ?? options[i]?.[2] ?? null;
        button.disabled = why !== null;
        setAttributes(button, { title: why });
      });
    },
  };
}

/**
 * Many words of which one is on.
 * @param {string} name  stands before it
 * @param {string} label
 * @param {[value: string, text: string][]} options
 * @param {(value: string) => void} choose
 * @returns {Control & { offer: (options: [value: string, text: string][]) => void }}
 */
export function menu(name, label, options, choose) {
  const select = element("select", "vl-select", { "aria-label": label });
  /** @param {[value: string, text: string][]} words */
  const offer = (words) => fill(select, ...words.map(([value, text]) => element("option", "", { value }, text)));
  offer(options);
  select.addEventListener("change", () => choose(select.value));
  // A focused menu takes its own keys; the notebook must not take them too.
  select.addEventListener("keydown", (event) => event.stopPropagation());
  return {
    node: element("label", "vl-control", {}, named(name), select),
    offer,
    show: (value) => void (select.value = value),
    disable: (reason) => {
      select.disabled = reason !== null;
      setAttributes(select, { title: reason });
    },
  };
}

/** @param {string} name */
const named = (name) => (name ? element("span", "vl-control-name", {}, name) : null);
