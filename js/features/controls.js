// What stands in the header: search, what fires at the pinned patch, how pictures are shown.
import { whenChanged } from "../lib/changes.js";
import { ClassSearch } from "../lib/class_search.js";
import { segments } from "../lib/controls.js";
import { element, setAttributes } from "../lib/dom.js";
import { imageControl as ofBatch } from "../lib/image_control.js";
import { shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Meta} Meta */

/** Finds a class by its name, or a feature by its number: "apple", "L4 N225", "27914". */
class FeatureSearch extends ClassSearch {
  /** @param {Meta} meta @param {import("../lib/class_search.js").Classes} classes @param {Actions} actions */
  constructor(meta, classes, actions) {
    super("Find", "class or number", classes, { choose: (index) => actions.choose({ target: index < 0 ? null : index }), complain: actions.complain });
    this.meta = meta;
    this.of = actions;
    /** @type {Scene | null} */
    this.scene = null;
    setAttributes(this.input, { placeholder: meta.has_classes ? "class or number" : "number" });
    setAttributes(this.clear, { "aria-label": "Search no class", title: "Search no class" });
    this.clear.addEventListener("pointerdown", () => {
      this.close();
      actions.choose({ target: null });
    });
  }

  /** Numbers are looked up, too, and where nobody knows classes nothing else is. @override @param {string} query @param {number} count */
  footText(query, count) {
    const { meta, scene } = this;
    const id = scene ? idIn(query, scene) : -1;
    if (scene && id >= 0) return `Enter goes to ${shortName(scene.catalogue.of(id), meta)}`;
    if (meta.has_classes && (count || !/\d/.test(query))) return super.footText(query, count);
    return `a number from 0 to ${meta.width - 1}, or with its layer, such as L${meta.layers.at(-1)} ${meta.kind === "neuron" ? "N" : ""}17`;
  }

  /** @override */
  enter() {
    const id = this.scene ? idIn(this.input.value, this.scene) : -1;
    if (id >= 0) {
      this.close();
      this.of.go(id);
      return this.input.blur();
    }
    const query = this.input.value.trim();
    if (!query) {
      this.close();
      return this.of.choose({ target: null });
    }
    if (!this.meta.has_classes || (/\d/.test(query) && !this.found.length)) return this.refuse(query);
    super.enter();
  }

  /** @override @param {string} query */
  refuse(query) {
    if (this.meta.has_classes && !/\d/.test(query)) return super.refuse(query);
    const { layers, width, kind } = this.meta;
    this.of.complain(`“${query}” is no ${kind}: there are 0 to ${width - 1} in layer${layers.length > 1 ? "s" : ""} ${layers.join(", ")}; write “L${layers.at(-1)} 17”.`, []);
  }
}

/** "L4 N225", "4 225", "225" of the chosen block, "27,914". @param {string} text @param {Scene} scene */
export function idIn(text, { catalogue, choices }) {
  const numbers = text.replaceAll(",", "").match(/\d+/g)?.map(Number) ?? [];
  if (/[a-z]{3}/i.test(text)) return -1;
  if (numbers.length === 1) return catalogue.id(choices.layer, numbers[0] ?? -1);
  return numbers.length === 2 ? catalogue.id(numbers[0] ?? -1, numbers[1] ?? -1) : -1;
}

/** @param {Meta} meta @param {Actions} actions @returns {Part & { input: HTMLInputElement }} */
export function findControl(meta, actions) {
  const nobody = { index: -1, name: "", brief: "", emoji: "" };
  const classes = {
    names: meta.labels.map(({ name }) => name),
    label: (/** @type {number} */ index) => meta.labels[index] ?? nobody,
    first: meta.labels.slice(0, 8).map(({ index }) => index),
    firstWords: "the first classes",
    number: () => null,
    numberWords: "or a number, such as L4 N17",
    model: "the data set",
  };
  const search = new FeatureSearch(meta, classes, actions);
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.target, s.choices.layer, s.catalogue], (s) => {
    search.scene = s;
    search.show(s.choices.target ?? -1, classes);
    search.clear.hidden = s.choices.target === null;
  });
  return { node: search.node, input: search.input, update };
}


/** The whole list by what fires at the pinned patch. @param {Meta} meta @param {Actions} actions @returns {Part} */
export function hereControl(meta, actions) {
  const button = element("button", "vl-button vl-here-button", { type: "button" }, "What fires here?");
  let isOn = false;
  button.addEventListener("click", () => actions.choose({ sort: isOn ? (meta.has_classes ? "selectivity" : "largest") : "here" }));
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.sort, s.choices.token], (s) => {
    isOn = s.choices.sort === "here";
    const why = !meta.n_images ? "Give an image to see what fires on it" : s.choices.token === null ? "Pin a patch of the image first" : "Order the list by what fires at the pinned patch";
    button.disabled = !meta.n_images || (s.choices.token === null && !isOn);
    setAttributes(button, { "aria-pressed": String(isOn), title: why });
  });
  return { node: element("div", "vl-control", {}, button), update };
}

/** @param {Actions} actions @returns {Part} */
export function picturesControl(actions) {
  const words = /** @type {[string, string][]} */ ([["spotlight", "Spotlight"], ["heat", "Heat"], ["plain", "Plain"]]);
  const control = segments("Pictures", "How the strongest images are shown", words, (pictures) => actions.choose({ pictures: /** @type {any} */ (pictures) }));
  return { node: control.node, update: whenChanged((/** @type {Scene} */ s) => [s.choices.pictures], (s) => control.show(s.choices.pictures)) };
}

/** @param {Meta} meta @param {Actions} actions @returns {Part | null} */
export const imageControl = (meta, { choose }) =>
  meta.n_images < 2
    ? null
    : ofBatch(meta, {
        choose: (image) => choose({ image: image ?? 0 }),
        chosenOf: (/** @type {Scene} */ s) => s.choices.image,
        smallOf: () => meta.small,
        whyNot: (s) => (s.canAsk ? null : "This page has no kernel to look at another image"),
      });

