// The bins of a histogram as they are drawn: the last ones up to the largest activation, what is
// fainter or silent in one apart.

/** Bins that are drawn, four to an octave. */
const SHOWN = 40;
/** The first bins are of what is not above 0, and of what is too faint; as FIRST_BIN in data.py. */
const FIRST = 2;
/** The axis: numbers, the bar of the silent ones, a gap, the bins. */
export const LEFT = 46;
export const SILENT = 12;
const GAP = 18;

/** @typedef {{ from: number, counts: number[], edges: number[], fainter: number, silent: number, total: number }} Bins  fainter: all before the first bin that is drawn */

/** @param {ArrayLike<number>} counts @param {number[]} edges @param {number} last  the bin of the largest @returns {Bins} */
export function binsOf(counts, edges, last) {
  const from = Math.max(FIRST, last - SHOWN + 1);
  const all = Array.from(counts);
  const to = Math.max(last, from) + 1;
  const sum = (/** @type {number[]} */ some) => some.reduce((a, b) => a + b, 0);
  return { from, counts: all.slice(from, to), edges: edges.slice(from, to + 1), fainter: sum(all.slice(0, from)), silent: all[0] ?? 0, total: sum(all) };
}

/** Where bins begin on the axis, px. */
export const START = LEFT + SILENT + GAP;

/** Where an activation stands, px; before the bins at the silent ones. @param {Bins} bins @param {number} value @param {number} width */
export function placeIn({ edges }, value, width) {
  const first = edges[0] ?? 1;
  if (!(value >= first)) return LEFT + SILENT / 2;
  const at = edges.findIndex((edge, i) => i > 0 && value < edge);
  const i = at < 0 ? edges.length - 2 : at - 1;
  const [low, high] = [edges[i] ?? 1, edges[i + 1] ?? 2];
  const inside = Math.min(1, (value - low) / (high - low));
  return START + ((i + inside) / (edges.length - 1)) * (width - START);
}

/** How many activations are in the bin of a value or above it. @param {ArrayLike<number>} counts @param {number[]} edges @param {number} value */
export function rankAtMost(counts, edges, value) {
  let rank = 0;
  for (let i = counts.length - 1; i >= 0; i--) {
    if ((edges[i + 1] ?? Infinity) <= value && i > 0) break;
    rank += counts[i] ?? 0;
    if ((edges[i] ?? 0) <= value) break;
  }
  return rank;
}
