// The picture, prepared for a tint and scaled to a size: each combination is made once and kept.
import { element } from "./dom.js";
import { CLASS_GROUND, MAP_GROUND, prepared } from "./tinting.js";

/** @typedef {"plain" | "map" | "light" | "dark"} GroundName */

const GROUNDS = { plain: null, map: MAP_GROUND, light: CLASS_GROUND.light, dark: CLASS_GROUND.dark };

export class Grounds {
  /** @param {Uint8Array} rgb @param {number} width @param {number} height */
  constructor(rgb, width, height) {
    this.rgb = rgb;
    this.width = width;
    this.height = height;
    /** @type {Map<GroundName, HTMLCanvasElement>} */
    this.originals = new Map();
    /** @type {Map<string, ImageData>} */
    this.scaled = new Map();
    this.isBright = meanOf(rgb) > 140;
  }

  /**
   * Pixels of one ground at a size, the caller's own to paint on.
   * @param {GroundName} name
   * @param {number} width  device pixels
   * @param {number} height
   */
  copy(name, width, height) {
    const key = `${name} ${width} ${height}`;
    let pixels = this.scaled.get(key);
    if (!pixels) this.scaled.set(key, (pixels = this.scale(name, width, height)));
    return new ImageData(new Uint8ClampedArray(pixels.data), width, height);
  }

  /** Forgets all sizes: the layout has changed. */
  forgetSizes() {
    this.scaled.clear();
  }

  /** @param {GroundName} name @param {number} width @param {number} height */
  scale(name, width, height) {
    const canvas = element("canvas", "", { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (
      canvas.getContext("2d", { willReadFrequently: true })
    );
    context.imageSmoothingQuality = "high";
    context.drawImage(this.original(name), 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  }

  /** @param {GroundName} name */
  original(name) {
    const known = this.originals.get(name);
    if (known) return known;
    const canvas = element("canvas", "", { width: this.width, height: this.height });
    const pixels = new ImageData(prepared(this.rgb, GROUNDS[name]), this.width, this.height);
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
    this.originals.set(name, canvas);
    return canvas;
  }
}

/** @param {Uint8Array} values */
function meanOf(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length ? sum / values.length : 0;
}
