// The two kinds of choice: a few words side by side, and a menu.
import { element, fill, setAttributes } from "./dom.js";

/**
 * @typedef {object} Control
 * @property {HTMLElement} node
 * @property {(value: string) => void} show  which choice is on
 * @property {(reason: string | null) => void} disable  says why not; null enables
 */

/**
 * Two or three words of which one is on.
 * @param {string} name  stands before it; may be empty
 * @param {string} label  for those who do not see it
 * @param {[value: string, text: string][]} options
 * @param {(value: string) => void} choose
 * @returns {Control}
 */
export function segments(name, label, options, choose) {
  const buttons = options.map(([value, text]) => {
    const button = element("button", "vl-segment", { type: "button", role: "radio", "data-value": value }, text);
    button.addEventListener("click", () => choose(value));
    return button;
  });
  const group = element("div", "vl-segments", { role: "radiogroup", "aria-label": label }, ...buttons);
  group.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    const at = buttons.findIndex((button) => button.tabIndex === 0);
    const next = (at + step + buttons.length) % buttons.length;
    event.preventDefault();
    event.stopPropagation();
    buttons[next]?.focus();
    buttons[next]?.click();
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
      for (const button of buttons) {
        button.disabled = reason !== null;
        setAttributes(button, { title: reason });
      }
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
