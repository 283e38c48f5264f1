// What one token attends to, or who attends to it, as colours of tokens.
import { MINUS_INFINITY } from "./shades.js";

/** @typedef {import("./scene.js").Scene} Scene */

/**
 * Whose row or column is shown on the image: the query's, or with "attended by" the key's.
 * @param {Pick<Scene, "choices" | "pair">} scene
 * @returns {number | null} a token
 */
export const anchorOf = ({ choices, pair }) => (choices.direction === "to" ? pair.query : pair.key);

/**
 * The colour of each token in the anchor's row or column; null while there is nothing to show.
 * @param {Scene} scene
 * @returns {((token: number) => number | null) | null} four bytes (red, green, blue, opacity);
 *   null for a token that is not in the sequence
 */
export function heatOf(scene) {
  const { focus, tokens, choices } = scene;
  const anchor = anchorOf(scene);
  const at = anchor === null ? null : tokens.position(anchor);
  if (!focus || at === null) return null;
  const { codes, side } = focus.map;
  return (token) => {
    const position = tokens.position(token);
    if (position === null) return null;
    const code = choices.direction === "to" ? codes[at * side + position] : codes[position * side + at];
    return focus.laid[code ?? MINUS_INFINITY] ?? null;
  };
}
