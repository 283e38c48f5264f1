// Places that can be exchanged, as kernel and browser name them: ["head", layer, head, values],
// ["attention", layer, values], ["mlp", layer], ["tokens", layer, [token, ...]].

/** @typedef {[kind: string, layer: number, ...rest: any[]]} Place */

/** @typedef {number | "attention" | "mlp"} Row  of the map of parts: a head's index, or what a block has beside heads */

/** @param {Place} one @param {Place} other */
export const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** @param {Row} row @param {number} layer @param {string} values @returns {Place} */
export function placeOf(row, layer, values) {
  if (typeof row === "number") return ["head", layer, row, values];
  return row === "mlp" ? ["mlp", layer] : ["attention", layer, values];
}

/** @param {number} layer @param {number[]} tokens @returns {Place} */
export const ofTokens = (layer, tokens) => ["tokens", layer, [...tokens].sort((a, b) => a - b)];

/** Adds a place, or takes it out. @param {Place[]} places @param {Place} place */
export const toggled = (places, place) => (places.some((one) => isSame(one, place)) ? without(places, place) : [...places, place]);

/** A token more, or less, in their order. @param {number[]} tokens @param {number} token */
export const flipped = (tokens, token) => (tokens.includes(token) ? tokens.filter((one) => one !== token) : [...tokens, token].sort((a, b) => a - b));

/** @param {Place[]} places @param {Place} place */
export const without = (places, place) => places.filter((one) => !isSame(one, place));

/**
 * All patches of the rectangle between two of them.
 * @param {number} from  token
 * @param {number} to
 * @param {{ cols: number, nPrefix: number }} grid
 */
export function rectangle(from, to, { cols, nPrefix }) {
  const [a, b] = [from - nPrefix, to - nPrefix];
  const [top, bottom] = [Math.floor(a / cols), Math.floor(b / cols)].sort((x, y) => x - y);
  const [left, right] = [a % cols, b % cols].sort((x, y) => x - y);
  const tokens = [];
  for (let row = top ?? 0; row <= (bottom ?? 0); row++) {
    for (let col = left ?? 0; col <= (right ?? 0); col++) tokens.push(nPrefix + row * cols + col);
  }
  return tokens;
}
