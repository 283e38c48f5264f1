// The classes present in a state, and the colour each class keeps through all states of an image.
import { CLASS_COLORS, OTHER_COLOR, bytesOf } from "../lib/colormaps.js";
import { isBackground } from "../lib/labels.js";

/** @typedef {import("./reading.js").Reading} Reading */

/**
 * @typedef {object} ClassStyle
 * @property {string} color  "#rrggbb"
 * @property {boolean} hatched  after seven classes the colours come again: hatched, and lighter where that would not be seen
 * @property {boolean} background  without a colour: nothing is there
 */

/** @typedef {{ index: number, count: number }} ClassCount */

/**
 * How many patches have each class as their top answer, the most frequent first.
 * @param {Reading} reading
 * @param {number} state
 * @returns {ClassCount[]}
 */
export function classCounts(reading, state) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (let token = reading.nPrefix; token < reading.nTokens; token++) {
    if (Number.isNaN(reading.topProbability(state, token))) continue;
    const index = reading.topClass(state, token);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return ranked(counts);
}

/** @param {Map<number, number>} counts @returns {ClassCount[]} */
const ranked = (counts) =>
  Array.from(counts, ([index, count]) => ({ index, count })).sort(
    (a, b) => b.count - a.count || a.index - b.index,
  );

/**
 * Gives out colours once for an image, so that no class changes colour between panels: by patches in
 * the final state, then in the one before it, and so on, which is also how the states come in.
 * @param {Reading} reading
 * @param {Reading[]} [others]  the same image read by other lenses, in the same colours
 * @returns {(index: number) => ClassStyle}
 */
export function classStyles(reading, others = []) {
  const order = Array.from({ length: reading.nStates }, (_, state) => reading.nStates - 1 - state)
    .flatMap((state) => [reading, ...others].map((one) => classCounts(one, state)))
    .flatMap((counts) => counts.map(({ index }) => index))
    .filter((index) => !isBackground(reading.label(index).name));
  const rankOf = new Map([...new Set(order)].map((index, rank) => [index, rank]));
  return (index) => styleOf(rankOf.get(index), isBackground(reading.label(index).name));
}

/**
 * Seven colours, then the same again hatched, and darker.
 * @param {number | undefined} rank
 * @param {boolean} background
 * @returns {ClassStyle}
 */
function styleOf(rank, background) {
  const round = Math.floor((rank ?? -1) / CLASS_COLORS.length);
  const color = CLASS_COLORS[(rank ?? -1) - round * CLASS_COLORS.length];
  if (!color || round > 2) return { color: OTHER_COLOR, hatched: false, background };
  return { color: round === 2 ? darker(color) : color, hatched: round === 1, background };
}

/** @param {string} color "#rrggbb" */
function darker(color) {
  const parts = bytesOf(color).map((part) => Math.round(DARKER * part));
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

const DARKER = 0.55;
