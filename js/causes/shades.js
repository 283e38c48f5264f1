// Shares of the way as colours: blue - grey - orange, orange towards the other run's answer.
import { blueOrange, colorAt, onPage } from "../lib/colormaps.js";
import { decimal } from "../lib/numbers.js";
import { mapOpacity, onGrey } from "../lib/tinting.js";

/** Where on the map. @param {number} share @param {number} end */
export const placeOn = (share, end) => Math.min(1, Math.max(0, 0.5 + share / end / 2));

/** A cell by itself on the page. @param {number} share @param {number} end @param {boolean} dark */
export const cellColor = (share, end, dark) => colorAt(onPage(blueOrange, dark), placeOn(share, end));

/** @param {readonly number[]} color */
export const css = ([r = 0, g = 0, b = 0]) => `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;

/** Black or white, whichever is read better on it. @param {readonly number[]} color */
export const inkOn = ([r = 0, g = 0, b = 0]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#1b1b1b" : "#fff");

/** What is laid over a patch of the picture. @param {number} share @param {number} end */
export function paint(share, end) {
  const place = placeOn(share, end);
  return { color: colorAt(blueOrange, place), opacity: mapOpacity(Math.abs(2 * place - 1)) };
}

/** The same as it looks over the middle of a picture: for the legend. @param {number} place 0..1 */
export const overGrey = (place) => onGrey(colorAt(blueOrange, place), mapOpacity(Math.abs(2 * place - 1)));

/** "0.61", "−0.10", "0"; what rounds to 0 is "<0.01", whatever its sign. @param {number} share */
export function share(share) {
  if (Number.isNaN(share)) return "–";
  if (share !== 0 && Math.abs(share) < 0.005) return "<0.01";
  return decimal(Number(share.toFixed(2)));
}

/** What is known of a share: exact, or about. @param {import("./effects.js").Effect} effect */
export const about = ({ share: exact, estimate }) => (Number.isNaN(exact) && !Number.isNaN(estimate) ? `≈ ${share(estimate)}` : share(exact));

/**
 * Of the map of parts; an end beyond which there are numbers says so.
 * @param {number} end
 * @param {import("./effects.js").Effects["beyond"]} beyond
 * @returns {import("../lib/ramp.js").Tick[]}
 */
export function partTicks(end, { below, above }) {
  const [half, whole] = end === 1 ? ["0.5", "1 all"] : ["0.25", "0.5 half"];
  return [{ at: 0, text: `${below ? "≤ " : ""}−${end}` }, { at: 0.25, text: `−${half}` }, { at: 0.5, text: "0 nothing" }, { at: 0.75, text: half }, { at: 1, text: `${above ? "≥ " : ""}${whole}` }];
}
