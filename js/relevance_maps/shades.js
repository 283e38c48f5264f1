// From relevance to a colour: below 0 blue, above orange, and where nothing is below 0 magma.
import { blueOrange, colorAt, magma, onPage } from "../lib/colormaps.js";
import { onGrey } from "../lib/tinting.js";
import { relevance } from "./words.js";

/** @typedef {"linear" | "sqrt"} ScaleName */

/**
 * @typedef {object} Scale
 * @property {string} key  two scales with one key are the same
 * @property {import("../lib/colormaps.js").ColorMap} map
 * @property {(value: number) => number} place  0..1 on the map, NaN for NaN
 * @property {(place: number) => number} opacity  0..1, laid over a picture
 * @property {import("../lib/ramp.js").Tick[]} ticks
 */

/** @param {number} x */
const clipped = (x) => (x < 0 ? 0 : x > 1 ? 1 : x);

/**
 * @param {boolean} isDiverging
 * @param {ScaleName} name
 * @param {number} largest  where the scale ends
 * @returns {Scale}
 */
export function scaleFor(isDiverging, name, largest) {
  const end = largest || 1;
  const bent = (/** @type {number} */ share) => (name === "sqrt" ? Math.sqrt(share) : share);
  const straight = (/** @type {number} */ place) => (name === "sqrt" ? place * place : place);
  const key = `${isDiverging} ${name} ${end}`;
  if (!isDiverging) {
    return {
      key,
      map: magma,
      place: (value) => clipped(bent(Math.max(0, value) / end)),
      opacity: (place) => 0.36 + 0.54 * place,
      ticks: [0, 0.5, 1].map((at) => ({ at, text: relevance(end * straight(at)) })),
    };
  }
  return {
    key,
    map: blueOrange,
    place: (value) => clipped(0.5 + (Math.sign(value) * bent(Math.abs(value) / end)) / 2),
    opacity: (place) => 0.12 + 0.63 * Math.abs(2 * place - 1),
    ticks: [-1, -0.5, 0, 0.5, 1].map((at) => ({ at: (at + 1) / 2, text: relevance(Math.sign(at) * end * straight(Math.abs(at))) })),
  };
}

/** A patch that is not in the sequence: opaque grey. @param {boolean} dark */
export const veil = (dark) => bytes(dark ? [0x24, 0x24, 0x24] : [0xee, 0xee, 0xee], 0.92);

/** @param {readonly number[]} color @param {number} opacity  0..1 */
const bytes = ([r = 0, g = 0, b = 0], opacity) => ((Math.round(255 * opacity) << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** A value's colour as it is laid over the image, four bytes. @param {Scale} scale @param {number} value */
export function laid(scale, value) {
  const place = scale.place(value);
  return bytes(colorAt(scale.map, place), scale.opacity(place));
}

/** A value's colour by itself, four bytes. @param {Scale} scale @param {number} value @param {boolean} dark */
export const opaque = (scale, value, dark) => bytes(colorAt(onPage(scale.map, dark), scale.place(value)), 1);

/** A place's colour as it looks over the middle of the image, which is grey and dark there. @param {Scale} scale @param {number} place */
export const overImage = (scale, place) => onGrey(colorAt(scale.map, place), scale.opacity(place));

/**
 * A map as an image, one pixel a patch.
 * @param {{ rows: number, cols: number, nPrefix: number, position: (token: number) => number | null }} tokens
 * @param {(position: number) => number} colorOf  four bytes
 * @param {number} missing  the colour of a patch that is not in the sequence
 */
export function pixelsOf(tokens, colorOf, missing) {
  const image = new ImageData(tokens.cols, tokens.rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let patch = 0; patch < pixels.length; patch++) {
    const position = tokens.position(tokens.nPrefix + patch);
    pixels[patch] = position === null ? missing : colorOf(position);
  }
  return image;
}
