// One image under one mask, and what is painted from each state: pixels as they came, and the
// pictures made of them.
import { cividis } from "../lib/colormaps.js";

/** @typedef {"original" | "final"} Reference */

/**
 * @typedef {object} Meta  names and sizes, as the kernel describes them
 * @property {string} model_name
 * @property {string} lens_name
 * @property {string[] | null} [lenses]  the names of several
 * @property {string | null} statistics  where hidden patches' brightness comes from
 * @property {string[]} state_names
 * @property {number} rows
 * @property {number} cols
 * @property {number} height  of the pictures
 * @property {number} width
 * @property {number} n_images
 * @property {string} caption
 * @property {import("../lib/image_control.js").Small | null} [small]  pictures of all images, where they are few
 * @property {boolean} has_iou
 */

/**
 * @typedef {object} Pixels  3 bytes a pixel; the states stand one after the other
 * @property {Uint8Array} original
 * @property {Uint8Array} painted  nothing is pasted
 * @property {Uint8Array} mask  1 is hidden
 */

/** Absolute error, as a share of full brightness, at which the colours end. */
export const MOST_ERROR = 0.5;

export class Painting {
  /** @param {Meta} meta @param {Pixels} pixels @param {number} image  which one of the batch */
  constructor(meta, { original, painted, mask }, image) {
    this.image = image;
    const { width, height, rows, cols } = meta;
    this.size = { width, height };
    this.nStates = meta.state_names.length;
    this.original = original;
    this.mask = mask;
    const bytes = original.length;
    this.states = Array.from({ length: this.nStates }, (_, i) => painted.subarray(i * bytes, (i + 1) * bytes));
    /** The patch that a pixel belongs to. @param {number} pixel */
    this.patchOf = (pixel) => {
      const [y, x] = [Math.floor(pixel / width), pixel % width];
      return Math.floor((y * rows) / height) * cols + Math.floor((x * cols) / width);
    };
    this.isHidden = Uint8Array.from({ length: width * height }, (_, pixel) => mask[this.patchOf(pixel)] ?? 0);
  }

  /** The image as the model sees it whole. */
  whole() {
    return this.drawn(this.original, false);
  }

  /** @param {number} state @param {boolean} paste  visible patches are those of the original */
  picture(state, paste) {
    return this.drawn(this.states[state] ?? this.original, paste);
  }

  /** @param {Uint8Array} rgb @param {boolean} paste */
  drawn(rgb, paste) {
    const image = new ImageData(this.size.width, this.size.height);
    const { data } = image;
    for (let pixel = 0, at = 0; at < rgb.length; pixel++, at += 3) {
      const from = paste && !this.isHidden[pixel] ? this.original : rgb;
      for (let colour = 0; colour < 3; colour++) data[4 * pixel + colour] = from[at + colour] ?? 0;
      data[4 * pixel + 3] = 255;
    }
    return image;
  }

  /**
   * Absolute error of each hidden pixel, the mean of its colours; visible patches are not scored.
   * @param {number} state
   * @param {Reference} reference
   * @param {readonly [number, number, number]} notScored  their colour
   */
  error(state, reference, notScored) {
    const image = new ImageData(this.size.width, this.size.height);
    const rgb = this.states[state] ?? this.original;
    const other = (reference === "final" ? this.states.at(-1) : null) ?? this.original;
    for (let pixel = 0, at = 0; at < rgb.length; pixel++, at += 3) {
      const color = this.isHidden[pixel] ? errorColor(rgb, other, at) : notScored;
      image.data.set(color, 4 * pixel);
      image.data[4 * pixel + 3] = 255;
    }
    return image;
  }
}

/** @param {Uint8Array} rgb @param {Uint8Array} other @param {number} at */
function errorColor(rgb, other, at) {
  let sum = 0;
  for (let i = at; i < at + 3; i++) sum += Math.abs((rgb[i] ?? 0) - (other[i] ?? 0));
  const start = 3 * Math.round(255 * Math.min(1, sum / (3 * 255 * MOST_ERROR)));
  return cividis.subarray(start, start + 3);
}

/** @param {Uint8Array} mask */
export const countHidden = (mask) => mask.reduce((sum, one) => sum + one, 0);
