// The search box over the model's labels that chooses a class: an ARIA combobox with a list.
import { element, fill, icon, setAttributes, uniqueId } from "./dom.js";
import { emojiNode } from "./label_nodes.js";
import { probability } from "./numbers.js";
import { nearest, search } from "./search.js";

/** @typedef {import("./labels.js").Label} Label */

/**
 * @typedef {object} Classes  what is chosen from
 * @property {string[]} names  of all
 * @property {(index: number) => Label} label
 * @property {number[]} first  those that are listed before a word is typed
 * @property {string} firstWords  what those are
 * @property {(index: number) => number | null} number  a probability beside each; null for none
 * @property {string} numberWords  what it is
 * @property {string} model  its name
 */

/**
 * @typedef {object} SearchActions
 * @property {(index: number) => void} choose
 * @property {(sentence: string, remedies: import("./error_strip.js").Remedy[]) => void} complain
 */

const MOST_SHOWN = 8;
const LENS = "M7 2.5a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10.300 10.300L14 14";
const CROSS = "M4.500 4.500l7 7M11.500 4.500l-7 7";

export class ClassSearch {
  /**
   * @param {string} name  stands before it; may be empty
   * @param {string} label  for those who do not see it
   * @param {Classes} classes
   * @param {SearchActions} actions
   */
  constructor(name, label, classes, actions) {
    this.classes = classes;
    this.actions = actions;
    /** @type {number[]} indices of the labels listed */
    this.found = [];
    this.active = -1;
    this.chosen = 0;
    const nodes = searchNodes(name, label);
    this.node = nodes.node;
    this.emoji = nodes.emoji;
    this.input = nodes.input;
    this.clear = nodes.clear;
    this.list = nodes.list;
    this.foot = nodes.foot;
    this.popup = nodes.popup;
    this.listen();
  }

  /** @param {number} chosen @param {Classes} classes */
  show(chosen, classes) {
    this.chosen = chosen;
    this.classes = classes;
    if (!this.isOpen) this.rest();
  }

  get isOpen() {
    return !this.popup.hidden;
  }

  /** Shows the class as chosen. */
  rest() {
    const label = this.classes.label(this.chosen);
    this.close();
    this.input.value = label.name;
    setAttributes(this.input, { title: label.name });
    fill(this.emoji, emojiNode(label.emoji));
  }

  close() {
    this.popup.hidden = true;
    this.active = -1;
    setAttributes(this.input, { "aria-expanded": "false", "aria-activedescendant": null });
  }

  /** Lists what the text finds; without text, what comes first anyway. */
  open() {
    const { classes } = this;
    const query = this.input.value.trim();
    const all = query ? search(classes.names, query) : classes.first;
    this.found = all.slice(0, MOST_SHOWN);
    this.active = query && this.found.length ? 0 : -1;
    fill(this.emoji);
    fill(this.list, ...this.found.map((index, i) => this.option(index, i, query)));
    this.foot.textContent = this.footText(query, all.length);
    this.popup.hidden = false;
    setAttributes(this.input, { "aria-expanded": "true" });
    this.mark();
  }

  /** @param {string} query @param {number} count */
  footText(query, count) {
    const { names, firstWords, numberWords } = this.classes;
    if (!query) return `${firstWords} · ${numberWords}`;
    return count ? `${count} of ${names.length} labels · ${numberWords}` : `no label contains “${query}”`;
  }

  /** @param {number} index @param {number} i @param {string} query */
  option(index, i, query) {
    const label = this.classes.label(index);
    const p = this.classes.number(index);
    return element(
      "li",
      "vl-option",
      { role: "option", id: `${this.list.id}-${i}`, "data-index": index, title: label.name },
      element("span", "vl-search-emoji", {}, emojiNode(label.emoji)),
      element("span", "vl-name", {}, ...emphasised(label.name, query)),
      element("span", "vl-number", {}, p === null ? "" : probability(p)),
    );
  }

  /** Marks the option that Enter would take. */
  mark() {
    [...this.list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === this.active)));
    setAttributes(this.input, { "aria-activedescendant": this.active < 0 ? null : `${this.list.id}-${this.active}` });
  }

  /** Chooses a class and shows what is chosen then: on a saved page it may be out of reach. @param {number} index */
  take(index) {
    this.close();
    this.actions.choose(index);
    this.rest();
    this.input.select();
  }

  /** Enter: takes what is marked, or says which labels are near. */
  enter() {
    const index = this.found[this.active];
    if (this.isOpen && index !== undefined) return this.take(index);
    const query = this.input.value.trim();
    if (!this.isOpen || !query) return this.rest();
    this.refuse(query);
  }

  /** @param {string} query */
  refuse(query) {
    const { classes, actions } = this;
    const near = nearest(classes.names, query).map((index) => classes.label(index));
    const advice = near.length ? `Nearest: ${near.map(({ name }) => name).join(", ")}.` : "Type a part of a name to search.";
    this.rest();
    actions.complain(
      `Class “${query}” is not among the ${classes.names.length} labels of ${classes.model}. ${advice}`,
      near.slice(0, 1).map(({ name, index }) => ({ text: `Use ${name}`, run: () => this.take(index) })),
    );
  }

  listen() {
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("input", () => this.open());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.rest());
    this.clear.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the input keeps or gets the focus, and is not blurred in between
      this.input.focus();
      this.input.value = "";
      this.open();
    });
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target instanceof Element ? event.target.closest("[data-index]") : null;
      if (option) this.take(Number(option.getAttribute("data-index")));
    });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    event.stopPropagation(); // typing must not reach the notebook's or the widget's own keys
    const { key } = event;
    if (key === "ArrowDown" || key === "ArrowUp") {
      if (!this.isOpen) this.open();
      const count = this.found.length;
      const step = key === "ArrowDown" ? 1 : -1;
      if (count) this.active = (this.active + step + (this.active < 0 && step < 0 ? 1 : 0) + count) % count;
      this.mark();
    } else if (key === "Enter") this.enter();
    else if (key === "Escape") {
      this.rest();
      this.input.select();
    } else return;
    event.preventDefault();
  }
}

/** The part of a name that was searched for, in bold. @param {string} name @param {string} query */
function emphasised(name, query) {
  const at = query ? name.toLowerCase().indexOf(query.toLowerCase()) : -1;
  if (at < 0) return [name];
  const end = at + query.length;
  return [name.slice(0, at), element("b", "", {}, name.slice(at, end)), name.slice(end)];
}

/** @param {string} name @param {string} label */
function searchNodes(name, label) {
  const listId = uniqueId("labels");
  const emoji = element("span", "vl-search-emoji");
  const input = element("input", "vl-search-input", {
    type: "text",
    role: "combobox",
    "aria-label": label,
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": listId,
    autocomplete: "off",
    spellcheck: "false",
  });
  const words = `Choose another ${label.toLowerCase()}`;
  const clear = element("button", "vl-search-clear", { type: "button", tabindex: -1, "aria-label": words, title: words }, icon(CROSS));
  const list = element("ul", "vl-options", { role: "listbox", id: listId, "aria-label": "Labels" });
  const foot = element("div", "vl-options-foot");
  const popup = element("div", "vl-popup", { hidden: true }, list, foot);
  const box = element("div", "vl-search", {}, icon(LENS), emoji, input, clear, popup);
  const node = element("div", "vl-control vl-control-target", {}, name ? element("span", "vl-control-name", {}, name) : null, box);
  return { node, emoji, input, clear, list, foot, popup };
}
