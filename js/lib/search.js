// Search over label names, quick enough to run at each key stroke over twenty thousand of them.

/**
 * How well a name answers a query, smaller is better; null when it does not contain it.
 * @param {string} name  in lower case
 * @param {string} query  in lower case
 */
function closeness(name, query) {
  const at = name.indexOf(query);
  if (at < 0) return null;
  if (name.length === query.length) return 0;
  if (at === 0) return 1;
  return /\W/.test(name.charAt(at - 1)) ? 2 : 3;
}

/**
 * The names that contain the query: equal, at the start, at a word's start, then anywhere.
 * @param {string[]} names
 * @param {string} query
 * @returns {number[]} their indices, best first
 */
export function search(names, query) {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return [];
  /** @type {[number, number, number][]} */
  const found = [];
  names.forEach((name, index) => {
    const score = closeness(name.toLowerCase(), wanted);
    if (score !== null) found.push([score, score > 1 ? 0 : name.length, index]);
  });
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return found.map(([, , index]) => index);
}

/** @param {string} word */
function pairs(word) {
  const padded = ` ${word.toLowerCase()} `;
  return new Set(Array.from({ length: padded.length - 1 }, (_, i) => padded.slice(i, i + 2)));
}

/**
 * The names that look most like a mistyped word: most pairs of neighbouring letters in common.
 * Names that have none in common are not near.
 * @param {string[]} names
 * @param {string} word
 * @param {number} count
 * @returns {number[]} their indices, best first
 */
export function nearest(names, word, count = 3) {
  const wanted = pairs(word);
  const scored = names.map((name, index) => {
    const own = pairs(name);
    const common = [...own].filter((pair) => wanted.has(pair)).length;
    return { index, score: (2 * common) / (own.size + wanted.size) };
  });
  scored.sort((a, b) => b.score - a.score || a.index - b.index);
  return scored.slice(0, count).filter(({ score }) => score > 0).map(({ index }) => index);
}
