// The search box over the model's labels that chooses the target: an ARIA combobox with a list.
import { element, fill, icon, setAttributes, uniqueId } from "../lib/dom.js";
import { probability } from "../lib/numbers.js";
import { nearest, search } from "../lib/search.js";
import { whenChanged } from "../lib/changes.js";
import { emojiNode } from "../lib/label_nodes.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./reading.js").Reading} Reading */

const MOST_SHOWN = 8;
const LENS = "M7 2.5a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10.300 10.300L14 14";
const CROSS = "M4.500 4.500l7 7M11.500 4.500l-7 7";

/**
 * @param {Reading} reading
 * @param {Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function targetSearch(reading, actions) {
  return new TargetSearch(reading, actions);
}

class TargetSearch {
  /** @param {Reading} reading @param {Actions} actions */
  constructor(reading, actions) {
    this.reading = reading;
    this.actions = actions;
    /** @type {number[]} indices of the labels listed */
    this.found = [];
    this.active = -1;
    this.layer = 0;
    this.target = 0;
    const nodes = searchNodes();
    this.node = nodes.node;
    this.emoji = nodes.emoji;
    this.input = nodes.input;
    this.clear = nodes.clear;
    this.list = nodes.list;
    this.foot = nodes.foot;
    this.popup = nodes.popup;
    this.listen();
    this.update = whenChanged(
      (/** @type {Scene} */ s) => [s.asked, s.layer, s.reading],
      (scene) => {
        this.reading = scene.reading;
        this.layer = scene.layer;
        this.target = scene.asked;
        if (!this.isOpen) this.rest();
      },
    );
  }

  get isOpen() {
    return !this.popup.hidden;
  }

  /** Shows the target as chosen. */
  rest() {
    const label = this.reading.label(this.target);
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

  /** Lists what the text finds; without text, what the readout itself thinks of first. */
  open() {
    const { reading, layer } = this;
    const query = this.input.value.trim();
    const own = Array.from({ length: reading.nAnswers }, (_, place) => reading.answer(layer, reading.readout, place).label.index);
    const all = query ? search(reading.source.labels, query) : own;
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
    const { reading, layer } = this;
    const number = `number: readout at ${reading.stateName(layer)}`;
    if (!query) return `the readout's first answers · ${number}`;
    return count ? `${count} of ${reading.nClasses} labels · ${number}` : `no label contains “${query}”`;
  }

  /** @param {number} index @param {number} i @param {string} query */
  option(index, i, query) {
    const label = this.reading.label(index);
    const p = this.reading.readoutProbability(this.layer, index);
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
    this.actions.choose({ target: index });
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
    const { reading, actions } = this;
    const near = nearest(reading.source.labels, query).map((index) => reading.label(index));
    const advice = near.length ? `Nearest: ${near.map(({ name }) => name).join(", ")}.` : "Type a part of a name to search.";
    this.rest();
    actions.complain(
      `Class “${query}” is not among the ${reading.nClasses} labels of ${reading.meta.model_name}. ${advice}`,
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

function searchNodes() {
  const listId = uniqueId("labels");
  const emoji = element("span", "vl-search-emoji");
  const input = element("input", "vl-search-input", {
    type: "text",
    role: "combobox",
    "aria-label": "Target class",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": listId,
    autocomplete: "off",
    spellcheck: "false",
  });
  const words = "Choose another target";
  const clear = element("button", "vl-search-clear", { type: "button", tabindex: -1, "aria-label": words, title: words }, icon(CROSS));
  const list = element("ul", "vl-options", { role: "listbox", id: listId, "aria-label": "Labels" });
  const foot = element("div", "vl-options-foot");
  const popup = element("div", "vl-popup", { hidden: true }, list, foot);
  const box = element("div", "vl-search", {}, icon(LENS), emoji, input, clear, popup);
  const node = element("div", "vl-control vl-control-target", {}, element("span", "vl-control-name", {}, "Target"), box);
  return { node, emoji, input, clear, list, foot, popup };
}
