// Where the pennants of flags stand: up and to the right of the clicked patch, or, where that would
// cover another flag or leave the picture, to the left, below, or on a longer pole.
import { overlaps } from "./regions.js";

/** @typedef {import("./regions.js").Box} Box */
/** @typedef {{ foot: { x: number, y: number }, pennant: Box }} Flag  px */

export const PENNANT = 13;
const POLES = [15, 24];

/** One digit, or two. @param {number} number */
export const pennantWidth = (number) => (number > 99 ? 23 : number > 9 ? 17 : 13);

/**
 * @param {{ x: number, y: number, number: number }[]} feet  middles of the clicked patches, px
 * @param {{ width: number, height: number }} picture
 * @returns {Flag[]}
 */
export function placeFlags(feet, { width, height }) {
  /** @type {Box[]} */
  const taken = [];
  return feet.map(({ x, y, number }) => {
    const choices = candidates(x, y, pennantWidth(number));
    const inside = choices.filter((box) => box.left >= 0 && box.top >= 0 && box.right <= width && box.bottom <= height);
    const free = inside.find((box) => !taken.some((other) => overlaps(box, other)) && !feet.some((foot) => foot.number !== number && covers(box, foot)));
    const pennant = free ?? inside[0] ?? /** @type {Box} */ (choices[0]);
    taken.push(pennant);
    return { foot: { x, y }, pennant };
  });
}

/** @param {number} x @param {number} y @param {number} wide @returns {Box[]} */
function candidates(x, y, wide) {
  return POLES.flatMap((pole) =>
    [y - pole, y + pole - PENNANT].flatMap((top) =>
      [x, x - wide].map((left) => ({ left, top, right: left + wide, bottom: top + PENNANT })),
    ),
  );
}

/** @param {Box} box @param {{ x: number, y: number }} point */
const covers = ({ left, right, top, bottom }, { x, y }) => x > left - 2 && x < right + 2 && y > top - 2 && y < bottom + 2;
