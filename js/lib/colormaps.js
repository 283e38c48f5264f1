// Colour tables, the same in both themes so that screenshots stay comparable.
import { BLUE_ORANGE, BLUE_ORANGE_DARK, CIVIDIS, CLASS_COLORS, MAGMA, OTHER_COLOR, VIRIDIS } from "./colormap_tables.js";

export { CLASS_COLORS, OTHER_COLOR };

/** @typedef {Uint8Array} ColorMap  256 colours, 3 bytes each */

/**
 * @param {string} base64
 * @returns {ColorMap}
 */
const decoded = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

export const viridis = /* @__PURE__ */ decoded(VIRIDIS);
export const cividis = /* @__PURE__ */ decoded(CIVIDIS);
export const magma = /* @__PURE__ */ decoded(MAGMA);
export const blueOrange = /* @__PURE__ */ decoded(BLUE_ORANGE);
const blueOrangeDark = /* @__PURE__ */ decoded(BLUE_ORANGE_DARK);

/** A map by itself on a page: of both signs, its zero is near the page's own colour. @param {ColorMap} map @param {boolean} dark */
export const onPage = (map, dark) => (dark && map === blueOrange ? blueOrangeDark : map);

/**
 * @param {ColorMap} map
 * @param {number} at  0..1; beyond is clipped
 * @returns {[number, number, number]} red, green, blue, 0..255
 */
export function colorAt(map, at) {
  const start = 3 * Math.round(255 * Math.min(1, Math.max(0, at)));
  return [map[start] ?? 0, map[start + 1] ?? 0, map[start + 2] ?? 0];
}

/**
 * "#009E73" as three bytes.
 * @param {string} hex
 * @returns {[number, number, number]}
 */
export function bytesOf(hex) {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
