// From a code to a number to a colour: how a map's bytes are read, and the scales it is drawn with.
import { blueOrange, colorAt, magma, onPage } from "../lib/colormaps.js";
import { decimal, probability } from "../lib/numbers.js";

/** @typedef {"pattern" | "scores"} Kind */
/** @typedef {"log" | "sqrt" | "linear"} ScaleName */

/**
 * @typedef {object} Range  what a map's codes stand for
 * @property {number} lo
 * @property {number} hi  its largest number
 * @property {number} top  where a linear scale ends
 */

/**
 * @typedef {object} Scale
 * @property {ScaleName} name
 * @property {import("../lib/colormaps.js").ColorMap} map
 * @property {(value: number) => number} place  0..1 on the map, NaN for NaN
 * @property {(place: number) => number} opacity  0..1, laid over a picture
 * @property {import("../lib/ramp.js").Tick[]} ticks
 * @property {(value: number) => string} write
 */

/** Codes up to this are numbers. */
export const LARGEST = 253;
export const MINUS_INFINITY = 254;
export const NOT_A_NUMBER = 255;

/** @param {number} code @param {Range} range @param {Kind} kind */
export function valueOf(code, { lo, hi }, kind) {
  const place = code / LARGEST;
  return kind === "pattern" ? hi * place ** 4 : lo + (hi - lo) * place;
}

/** @param {number} x */
const clipped = (x) => (x < 0 ? 0 : x > 1 ? 1 : x);

/**
 * The scale of one map.
 * @param {Kind} kind
 * @param {ScaleName} name  of a pattern's scale; scores are always linear
 * @param {Range} own  the map's
 * @param {Range[]} shared  of all maps on the same scale; of none but its own when it has its own
 * @param {number} nTokens
 * @returns {Scale}
 */
export function scaleOf(kind, name, own, shared, nTokens) {
  const among = shared.length ? shared : [own];
  const top = Math.max(...among.map((range) => range.top)) || 1;
  const hi = Math.max(...among.map((range) => range.hi)) || 1;
  if (kind === "scores") return scoreScale(top);
  if (name === "log") return logScale(lowestShown(nTokens), Math.max(hi, Math.min(1, MANY_TIMES / nTokens)));
  const end = Math.max(top, Math.min(1, SOME_TIMES / nTokens));
  return powerScale(name, end, own.hi > end);
}

/** A log scale reaches at least so many times as far up and down as uniform attention, which so stands in its middle. */
export const MANY_TIMES = 20;

/** The other scales reach at least so many times as far as uniform attention, which so stays dark. */
export const SOME_TIMES = 8;

/** Where a log scale begins, as a power of ten. @param {number} nTokens */
export const lowestShown = (nTokens) => Number(`1e${Math.round(Math.log10(1 / MANY_TIMES / nTokens))}`);

/** @param {number} value */
const weight = (value) => probability(value, 4);

/** @param {number} value */
export const short = (value) => String(Number(value.toPrecision(value >= 0.1 ? 2 : 1)));

/** @param {number} place */
const patternOpacity = (place) => 0.36 + 0.54 * place;

/** @param {number} lowest @param {number} end @returns {Scale} */
function logScale(lowest, end) {
  const decades = Math.log(end / lowest);
  /** @param {number} value */
  const place = (value) => clipped(Math.log(value / lowest) / decades);
  const tens = Array.from({ length: Math.ceil(Math.log10(end / lowest)) }, (_, i) => lowest * 10 ** i);
  const ticks = tens.map((value, i) => ({ at: place(value), text: i === 0 ? `≤ ${short(value)}` : short(value) }));
  return { name: "log", map: magma, place, opacity: patternOpacity, ticks: ended(ticks, short(end)), write: weight };
}

/** @param {"sqrt" | "linear"} name @param {number} top @param {boolean} isClipped @returns {Scale} */
function powerScale(name, top, isClipped) {
  const power = name === "sqrt" ? 0.5 : 1;
  /** @param {number} value */
  const place = (value) => clipped((value / top) ** power);
  const step = niceStep(top / 3);
  const values = name === "sqrt" ? [1 / 9, 4 / 9].map((share) => Number(short(top * share))) : [1, 2, 3].map((i) => i * step);
  const ticks = [0, ...values.filter((value) => value < top)].map((value) => ({ at: place(value), text: short(value) }));
  const end = `${isClipped ? "≥ " : ""}${Number(top.toPrecision(2))}`;
  return { name, map: magma, place, opacity: patternOpacity, ticks: ended(ticks, end), write: weight };
}

/** The largest of 1, 2 and 5 times a power of ten that is not above `most`. @param {number} most */
function niceStep(most) {
  const ten = 10 ** Math.floor(Math.log10(most));
  return Number(([5, 2, 1].find((nice) => nice * ten <= most * 1.0001) ?? 1) * ten).valueOf();
}

/** Adds the last tick, in the place of one that would touch it. @param {import("../lib/ramp.js").Tick[]} ticks @param {string} text */
const ended = (ticks, text) => [...ticks.filter(({ at }) => at < 0.86), { at: 1, text }];

/** @param {number} most @returns {Scale} */
const scoreScale = (most) => ({
  name: "linear",
  map: blueOrange,
  place: (value) => clipped(0.5 + value / most / 2),
  opacity: (place) => 0.12 + 0.63 * Math.abs(2 * place - 1),
  ticks: [-1, -0.5, 0, 0.5, 1].map((at) => ({ at: (at + 1) / 2, text: decimal(at * most) })),
  write: decimal,
});

/** Colours of cells that hold no number: two of each, drawn as stripes across cells. */
const STRIPES = {
  [MINUS_INFINITY]: [0xff9c9c9c, 0xffd0d0d0],
  [NOT_A_NUMBER]: [0xff1e26b3, 0xff8a8aff],
};

/**
 * The colours of a map's codes, each as four bytes: red, green, blue, opaque.
 * @param {Scale} scale
 * @param {Range} range
 * @param {Kind} kind
 * @param {boolean} dark  it stands by itself on a dark page
 */
export function palette(scale, range, kind, dark = false) {
  const map = onPage(scale.map, dark);
  const colors = new Uint32Array(LARGEST + 1);
  for (let code = 0; code <= LARGEST; code++) {
    const [r, g, b] = colorAt(map, scale.place(valueOf(code, range, kind)));
    colors[code] = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  }
  return colors;
}

/**
 * A map as an image, one pixel a cell.
 * @param {Uint8Array} codes  `side * side`, row by row
 * @param {number} side
 * @param {Uint32Array} colors
 */
export function pixelsOf(codes, side, colors) {
  const image = new ImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) {
    const code = codes[i] ?? 0;
    pixels[i] = code <= LARGEST ? colors[code] : stripe(code, (i % side) + Math.floor(i / side));
  }
  return image;
}

/** @param {number} code @param {number} diagonal */
function stripe(code, diagonal) {
  const pair = code === MINUS_INFINITY ? STRIPES[MINUS_INFINITY] : STRIPES[NOT_A_NUMBER];
  return pair[(diagonal >> 1) & 1] ?? 0;
}

/** Which cells that hold no number a map has. @param {Uint8Array} codes */
export const special = (codes) => ({ minusInfinity: codes.includes(MINUS_INFINITY), notANumber: codes.includes(NOT_A_NUMBER) });

/**
 * The colours of all codes where they are laid over the image, as four bytes each.
 * @param {Uint32Array} colors  the palette
 * @param {Scale} scale
 * @param {Range} range
 * @param {Kind} kind
 */
export function overlay(colors, scale, range, kind) {
  const laid = Uint32Array.from(colors, (color, code) => seenThrough(color, scale.opacity(scale.place(valueOf(code, range, kind)))));
  return Uint32Array.of(...laid, ...[MINUS_INFINITY, NOT_A_NUMBER].map((code) => seenThrough(stripe(code, 0), SPECIAL_OPACITY)));
}

const SPECIAL_OPACITY = 0.85;

/** @param {number} color  four bytes @param {number} opacity  0..1 */
export const seenThrough = (color, opacity) => ((Math.round(255 * opacity) << 24) | (color & 0xffffff)) >>> 0;
