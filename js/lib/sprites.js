// Emoji with a halo, each drawn once per size and then copied: a grid may show hundreds.
import { element } from "./dom.js";

const FAMILY = '"Noto Color Emoji","Apple Color Emoji","Segoe UI Emoji",emoji';
const HALO = { dark: "rgba(0,0,0,.85)", light: "rgba(255,255,255,.95)" };

/** @type {Map<string, HTMLCanvasElement>} */
const drawn = new Map();
const MOST = 3000; // sprites kept; beyond, the page has seen many sizes and starts afresh

/**
 * @param {string} emoji
 * @param {number} size  in device pixels
 * @param {"dark" | "light"} halo
 */
export function sprite(emoji, size, halo) {
  const key = `${emoji}|${size}|${halo}`;
  const known = drawn.get(key);
  if (known) return known;
  if (drawn.size >= MOST) drawn.clear();
  const made = draw(emoji, size, halo);
  drawn.set(key, made);
  return made;
}

/** @param {string} emoji @param {number} size @param {"dark" | "light"} halo */
function draw(emoji, size, halo) {
  const side = Math.ceil(size * 1.5);
  const canvas = element("canvas", "", { width: side, height: side });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  // A glyph is about 1.17 times as wide as its font's size; the emoji itself should be `size` wide.
  context.font = `${size / 1.17}px ${FAMILY}`;
  context.textAlign = "center";
  const { actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } = context.measureText(emoji);
  const baseline = side / 2 + (up - down) / 2;
  context.shadowColor = HALO[halo];
  context.shadowBlur = 0.14 * size; // a canvas blurs by half of what it is given
  for (let pass = 0; pass < 2; pass++) context.fillText(emoji, side / 2, baseline);
  context.shadowColor = "transparent";
  context.fillText(emoji, side / 2, baseline);
  return canvas;
}
