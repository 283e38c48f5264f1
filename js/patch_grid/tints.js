// The quantities a tint can show: each knows its words, its value at a token, its colour map, how
// a value becomes a place on the map (0..1), and the ticks of its legend.
import { blueOrange, cividis, viridis } from "../lib/colormaps.js";
import { decimal, endOfProbabilities, probability } from "../lib/numbers.js";

/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("./reading.js").TargetColumns} TargetColumns */

/** @typedef {"probability" | "logit" | "rank" | "entropy" | "kl" | "class" | "none" | "difference"} TintName */

/**
 * @typedef {object} Scale
 * @property {import("../lib/colormaps.js").ColorMap} map
 * @property {(state: number, token: number) => number} value
 * @property {(value: number) => number} place  0..1 on the map, NaN for NaN
 * @property {(place: number) => number} strength  0..1, for the opacity
 * @property {{ at: number, text: string }[]} ticks
 * @property {(value: number) => string} write
 */

/** Words of the menu, in its order; the difference of two runs is not chosen here. @type {[TintName, string][]} */
export const TINTS = [
  ["probability", "Probability of target"],
  ["logit", "Logit of target"],
  ["rank", "Rank of target"],
  ["entropy", "Entropy"],
  ["kl", "KL to final answer"],
  ["class", "Top class"],
  ["none", "None"],
];

/** @param {TintName} tint */
export const isOrdered = (tint) => tint !== "class" && tint !== "none";

/** @param {TintName} tint */
export const needsTarget = (tint) => tint === "probability" || tint === "logit" || tint === "rank";

/**
 * How the picture under a tint is prepared.
 * @param {TintName} tint
 * @param {boolean} dark  the theme
 * @returns {import("../lib/grounds.js").GroundName}
 */
export function groundOf(tint, dark) {
  if (tint === "none") return "plain";
  if (tint === "class") return dark ? "dark" : "light";
  return "map";
}

/** @param {number} x */
const clipped = (x) => (x < 0 ? 0 : x > 1 ? 1 : x);
/** @param {number} x */
const itself = (x) => x;

/** @typedef {{ reading: Reading, columns: TargetColumns }} Numbers */

/**
 * The scale of an ordered tint, fixed over all states so that layers can be compared.
 * @param {TintName} tint
 * @param {Reading} reading
 * @param {TargetColumns} columns
 * @param {Numbers[]} [others]  what is to be compared with them, on the same scale
 * @returns {Scale | null} null for "class" and "none", which have no order
 */
export function scaleOf(tint, reading, columns, others = []) {
  switch (tint) {
    case "probability":
      return probabilityScale(reading, columns, others);
    case "logit":
      return logitScale(reading, columns, others);
    case "rank":
      return rankScale(reading, columns);
    case "entropy":
      return entropyScale(reading);
    case "kl":
      return klScale(reading, others);
    default:
      return null;
  }
}

/** @param {Reading} reading @param {TargetColumns} columns @param {Numbers[]} others @returns {Scale} */
function probabilityScale(reading, columns, others) {
  const end = endOfProbabilities(Math.max(mostProbable(reading, columns), ...others.map((one) => mostProbable(one.reading, one.columns))));
  return {
    map: viridis,
    value: (state, token) => reading.probability(columns, state, token),
    place: (p) => clipped(p / end),
    strength: itself,
    ticks: [0, 0.5, 1].map((at) => ({ at, text: String(Number((at * end).toPrecision(2))) })),
    write: (value) => probability(value, 3),
  };
}

/** The largest of all patches in all states: of a thousand classes one is seldom probable. @param {Reading} reading @param {TargetColumns} columns */
function mostProbable(reading, columns) {
  let most = 0;
  for (let state = 0; state < reading.nStates; state++) {
    for (let token = reading.nPrefix; token < reading.nTokens; token++) {
      const p = reading.probability(columns, state, token);
      if (p > most) most = p;
    }
  }
  return most;
}

/** @param {Reading} reading @param {TargetColumns} columns @returns {Scale} */
function rankScale(reading, columns) {
  const worst = Math.log(Math.max(2, reading.nClasses));
  return {
    map: viridis,
    value: (state, token) => {
      const at = reading.at(state, token);
      return Number.isNaN(columns.logit[at]) ? NaN : (columns.rank[at] ?? NaN);
    },
    place: (rank) => clipped(1 - Math.log(rank) / worst),
    strength: itself,
    ticks: rankTicks(reading.nClasses).map((rank) => ({
      at: 1 - Math.log(rank) / worst,
      text: String(rank),
    })),
    write: (rank) => `${rank} of ${reading.nClasses}`,
  };
}

/** The last rank, the first, and one or two round ones between. @param {number} worst */
function rankTicks(worst) {
  const between = worst > 300 ? [100, 10] : worst > 30 ? [10] : worst > 4 ? [Math.round(Math.sqrt(worst))] : [];
  return [worst, ...between, 1];
}

/** @param {Reading} reading @param {TargetColumns} columns @param {Numbers[]} others @returns {Scale} */
function logitScale(reading, columns, others) {
  const most = Math.max(...[columns, ...others.map((one) => one.columns)].map(({ logit }) => largest(logit.map(Math.abs)))) || 1;
  return {
    map: blueOrange,
    value: (state, token) => columns.logit[reading.at(state, token)] ?? NaN,
    place: (value) => clipped(0.5 + value / most / 2),
    strength: (place) => Math.abs(2 * place - 1),
    ticks: [
      { at: 0, text: decimal(-most) },
      { at: 0.5, text: "0" },
      { at: 1, text: decimal(most) },
    ],
    write: decimal,
  };
}

/** @param {Reading} reading @returns {Scale} */
const entropyScale = (reading) => upTo(reading.mostEntropy, (s, t) => reading.entropy(s, t));

/** @param {Reading} reading @param {Numbers[]} others @returns {Scale} */
const klScale = (reading, others) => upTo(Math.max(...[reading, ...others.map((one) => one.reading)].map(({ source }) => largest(source.kl))), (s, t) => reading.kl(s, t));

/**
 * "Uncertain, far, wrong": from 0 to a largest value, in nats.
 * @param {number} most
 * @param {Scale["value"]} value
 * @returns {Scale}
 */
export const upTo = (most, value) => ({
  map: cividis,
  value,
  place: (nats) => clipped(nats / (most || 1)),
  strength: itself,
  ticks: [0, 0.5, 1].map((at) => ({ at, text: at ? tickOf(at * most, most) : "0" })),
  write: (nats) => `${decimal(nats)} nats`,
});

/** A number with as many decimals as a scale needs whose end is small. @param {number} value @param {number} end */
const tickOf = (value, end) => (end === 0 || end >= 0.05 ? decimal(value) : String(Number(value.toPrecision(2))));

/** @param {Float32Array} values */
export const largest = (values) =>
  values.reduce((most, value) => (Number.isFinite(value) && value > most ? value : most), 0);

/**
 * The model gave no number here, or none for the quantity shown.
 * @param {{ reading: Reading, scale: Scale | null }} scene
 * @param {number} state
 * @param {number} token
 */
export const isMissing = ({ reading, scale }, state, token) =>
  (reading.nClasses > 0 && Number.isNaN(reading.topProbability(state, token))) ||
  (scale !== null && Number.isNaN(scale.value(state, token)));
