// Colours of the classes by the order in which they were taught: a colour must not change while one
// teaches. From the eighth on they come again, hatched.
import { CLASS_COLORS, OTHER_COLOR, bytesOf } from "../lib/colormaps.js";

/** @typedef {[number, number, number]} Color */

/** @param {number} slot @returns {{ color: Color, css: string, hatched: boolean, ink: string }} */
export function styleOf(slot) {
  const css = slot < 2 * CLASS_COLORS.length ? (CLASS_COLORS[slot % CLASS_COLORS.length] ?? OTHER_COLOR) : OTHER_COLOR;
  const color = bytesOf(css);
  return { color, css, hatched: slot >= CLASS_COLORS.length, ink: luminance(color) > 110 ? "#111" : "#fff" };
}

/** Half way to white, for the stripes. @param {Color} color @returns {Color} */
export const lighter = ([r, g, b]) => [(r + 255) / 2, (g + 255) / 2, (b + 255) / 2];

/** @param {Color} color */
const luminance = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b;

/** A class's colour as a CSS background. @param {number} slot */
export function backgroundOf(slot) {
  const { color, css, hatched } = styleOf(slot);
  return hatched ? `repeating-linear-gradient(135deg, ${css} 0 3px, rgb(${lighter(color).join(" ")}) 3px 5px)` : css;
}
