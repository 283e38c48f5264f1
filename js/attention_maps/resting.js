// Who asks while nobody has been chosen, so that the image never stands bare: CLS where the readout
// reads it, else the patch most attended to.
import { LARGEST, valueOf } from "./shades.js";

/** @typedef {import("./map_cache.js").AttentionMap} AttentionMap */

/**
 * @param {import("./tokens.js").Tokens} tokens
 * @param {AttentionMap | null} map  the one shown
 * @returns {number | null} a token; null where none can be told
 */
export function restingToken(tokens, map) {
  const { asks } = tokens;
  if (asks !== null && tokens.position(asks) !== null) return asks;
  return map ? mostAttended(tokens, map) : null;
}

/** The patch whose column has the largest sum. @param {import("./tokens.js").Tokens} tokens @param {AttentionMap} map */
function mostAttended({ n, nBefore, tokens }, { codes, side, range, kind }) {
  const values = Float64Array.from({ length: LARGEST + 1 }, (_, code) => valueOf(code, range, kind));
  const sums = new Float64Array(n);
  for (let at = 0; at < n * side; at++) sums[at % side] = (sums[at % side] ?? 0) + (values[codes[at] ?? 0] ?? 0);
  let best = nBefore;
  for (let position = nBefore; position < n; position++) if ((sums[position] ?? 0) > (sums[best] ?? 0)) best = position;
  return tokens[best] ?? null;
}
