// Labels and their emoji. Both are data: they only ever reach the page as text.

/**
 * @typedef {object} Label
 * @property {number} index
 * @property {string} name
 * @property {string} brief  the name without what all names begin with, and its article: "7" of "class 7"
 * @property {string} emoji  one grapheme cluster, or "" where none fits
 */

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Symbols that are text by default and become emoji by U+FE0F, such as ☀ and ❤. */
const TEXT_STYLE = /^\p{Emoji}$/u;
const EMOJI_STYLE = /^\p{Emoji_Presentation}$/u;

/**
 * The first grapheme cluster of what was given as an emoji, in its colourful form.
 * @param {string | undefined} given
 */
export function emojiOf(given) {
  const [first] = segmenter.segment(given ?? "");
  const cluster = first?.segment ?? "";
  return TEXT_STYLE.test(cluster) && !EMOJI_STYLE.test(cluster) ? `${cluster}\uFE0F` : cluster;
}

/**
 * "Nothing is here": drawn as a dot, without a colour of its own.
 * @param {string} name
 */
export const isBackground = (name) => name.trim() === "" || name.toLowerCase() === "background";

/**
 * What all names begin with, to the end of a word: it tells none of them from another.
 * @param {string[]} names
 */
export function sharedBeginning(names) {
  if (names.length < 2) return "";
  let shared = names[0] ?? "";
  for (const name of names) {
    let length = 0;
    while (length < Math.min(shared.length, name.length - 1) && shared[length] === name[length]) length++;
    shared = shared.slice(0, length);
  }
  return shared.slice(0, shared.lastIndexOf(" ") + 1);
}

/** Without an article, which tells no name from another. @param {string} name */
export const briefly = (name) => name.replace(/^(an?|the) (?=\S)/i, "");

/**
 * The first letters of a name, as many as may stand where an emoji would.
 * @param {string} name
 * @param {number} length
 */
export function firstLetters(name, length) {
  const letters = Array.from(segmenter.segment(name), (part) => part.segment);
  return letters.length <= length + 1 ? letters.slice(0, length + 1).join("") : letters.slice(0, length).join("").trim();
}
