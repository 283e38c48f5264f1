// A picture under a colour map. The picture is first brought to a narrow band of lightness, so that
// the colour's lightness rises with the value on any picture, and bright and dark photographs are
// treated alike; then each cell's colour is laid over it.

/**
 * @typedef {object} Ground  how a picture is prepared
 * @property {number} dark  lightness of its 1st percentile, 0..1
 * @property {number} light  lightness of its 99th percentile
 * @property {number} color  how much of its colour is kept, 0..1
 */

/** Under an ordered colour map, in both themes. @type {Ground} */
export const MAP_GROUND = { dark: 0.1, light: 0.44, color: 0 };
/** Under class colours, which have no order to keep. */
export const CLASS_GROUND = Object.freeze({
  light: { dark: 0.6, light: 0.97, color: 0.45 },
  dark: { dark: 0.1, light: 0.44, color: 0.45 },
});

/** Opacity of a class colour, and of the veil over patches without a class. */
export const CLASS_OPACITY = 0.72;
export const VEIL_OPACITY = 0.3;

/** Grey on which a legend shows an ordered map: the middle of the stretched picture. */
export const LEGEND_GREY = 69;

/**
 * Opacity of an ordered map's colour.
 * @param {number} strength  0..1
 */
export const mapOpacity = (strength) => 0.12 + 0.63 * strength;

/** A colour as it looks laid over that grey. @param {readonly number[]} color @param {number} opacity  0..1 */
export const onGrey = (color, opacity) => color.map((c) => LEGEND_GREY * (1 - opacity) + c * opacity);

/**
 * @param {number} r
 * @param {number} g
 * @param {number} b
 */
const luminance = (r, g, b) => 0.299 * r + 0.587 * g + 0.114 * b;

/**
 * The values below which a share of all luminances lies, from a histogram of whole values.
 * @param {Uint8Array} rgb
 * @param {number[]} shares
 */
function percentiles(rgb, shares) {
  const histogram = new Uint32Array(256);
  for (let i = 0; i < rgb.length; i += 3) {
    histogram[Math.round(luminance(rgb[i] ?? 0, rgb[i + 1] ?? 0, rgb[i + 2] ?? 0))]++;
  }
  return shares.map((share) => {
    let left = share * (rgb.length / 3);
    return Math.max(0, histogram.findIndex((count) => (left -= count) < 0));
  });
}

/**
 * A picture prepared for tinting, or, without a ground, as it is.
 * @param {Uint8Array} rgb  3 bytes a pixel
 * @param {Ground | null} ground
 * @returns {Uint8ClampedArray<ArrayBuffer>} RGBA, 4 bytes a pixel
 */
export function prepared(rgb, ground) {
  const out = new Uint8ClampedArray((rgb.length / 3) * 4);
  const [low = 0, high = 255] = ground ? percentiles(rgb, [0.01, 0.99]) : [];
  const span = Math.max(1, high - low);
  for (let i = 0, o = 0; i < rgb.length; i += 3, o += 4) {
    const [r, g, b] = [rgb[i] ?? 0, rgb[i + 1] ?? 0, rgb[i + 2] ?? 0];
    const y = luminance(r, g, b);
    const place = Math.min(1, Math.max(0, (y - low) / span));
    const lightness = ground ? 255 * (ground.dark + place * (ground.light - ground.dark)) : y;
    const color = ground ? ground.color : 1;
    out[o] = lightness + color * (r - y);
    out[o + 1] = lightness + color * (g - y);
    out[o + 2] = lightness + color * (b - y);
    out[o + 3] = 255;
  }
  return out;
}

/**
 * @typedef {object} Paint  what is laid over one cell
 * @property {readonly [number, number, number]} color
 * @property {number} opacity  0..1
 * @property {readonly [number, number, number] | null} [hatch]  colour of diagonal stripes
 */

/**
 * Lays a paint over each cell, in place. Cell (row, col) covers the pixels from
 * round(col * width / cols) up to round((col + 1) * width / cols), and rows likewise.
 * @param {{ data: Uint8ClampedArray, width: number, height: number }} image  RGBA
 * @param {{ rows: number, cols: number }} grid
 * @param {(cell: number) => Paint | null} paintOf  by cell, row by row
 * @param {number} stripe  scale of the hatch, pixels
 */
export function tint(image, { rows, cols }, paintOf, stripe = 1) {
  for (let row = 0, cell = 0; row < rows; row++) {
    const [top, bottom] = edges(row, rows, image.height);
    for (let col = 0; col < cols; col++, cell++) {
      const paint = paintOf(cell);
      const [left, right] = edges(col, cols, image.width);
      if (paint) paintCell(image, { top, bottom, left, right }, paint, stripe);
    }
  }
}

/**
 * First pixel of a cell and the one after its last.
 * @param {number} index
 * @param {number} count
 * @param {number} size
 * @returns {[number, number]}
 */
export const edges = (index, count, size) => [
  Math.round((index * size) / count),
  Math.round(((index + 1) * size) / count),
];

/** From one hatch stripe to the next, and the stripe's own width, along a row. */
const HATCH = { period: 5, width: 2 };

/**
 * @param {{ data: Uint8ClampedArray, width: number }} image
 * @param {{ top: number, bottom: number, left: number, right: number }} box
 * @param {Paint} paint
 * @param {number} stripe
 */
function paintCell({ data, width }, { top, bottom, left, right }, { color, opacity, hatch }, stripe) {
  const keep = 1 - opacity;
  for (let y = top; y < bottom; y++) {
    for (let x = left, at = 4 * (y * width + left); x < right; x++, at += 4) {
      const over = hatch && (x + y) % (stripe * HATCH.period) < stripe * HATCH.width ? hatch : color;
      data[at] = (data[at] ?? 0) * keep + over[0] * opacity;
      data[at + 1] = (data[at + 1] ?? 0) * keep + over[1] * opacity;
      data[at + 2] = (data[at + 2] ?? 0) * keep + over[2] * opacity;
    }
  }
}
