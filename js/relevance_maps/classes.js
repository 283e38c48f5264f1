// The model's classes: names, emoji, and what it answers to the image.
import { emojiOf, isBackground } from "../lib/labels.js";
import { wordOf } from "../lib/numbers.js";

/** Of what knows no class, where there is none to name. */
const ANY = "any class";

export class Classes {
  /** @param {string} model @param {string[]} names @param {string[]} emoji @param {Float32Array} probability @param {string} kind */
  constructor(model, names, emoji, probability, kind) {
    /** "softmax", or "sigmoid" where each class is a yes or a no. */
    this.kind = kind;
    this.word = wordOf(kind);
    this.model = model;
    this.names = names;
    this.emoji = emoji;
    this.probability = probability;
    /** The model's first answers, best first. */
    this.first = firstOf(probability, 5);
  }

  /** The model has none. */
  get isEmpty() {
    return this.names.length === 0;
  }

  /** @param {number} index @returns {import("../lib/labels.js").Label} */
  label(index) {
    if (this.isEmpty) return { index, name: ANY, brief: ANY, emoji: "" };
    const name = this.names[index] ?? `class ${index}`;
    return { index, name, brief: name, emoji: isBackground(name) ? "" : emojiOf(this.emoji[index]) };
  }

  /** For the search box. @returns {import("../lib/class_search.js").Classes} */
  get searched() {
    return {
      names: this.names,
      label: (index) => this.label(index),
      first: this.first,
      firstWords: "the model's first answers",
      number: (index) => this.probability[index] ?? null,
      numberWords: "number: the model's answer",
      model: this.model,
    };
  }
}

/** @param {Float32Array} values @param {number} count @returns {number[]} where the largest stand, best first */
function firstOf(values, count) {
  const places = Array.from(values.keys());
  places.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0));
  return places.slice(0, count);
}
