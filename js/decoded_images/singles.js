// Single pictures, asked for one at a time.
import { asUint8 } from "../lib/bytes.js";
import { Wanted } from "../lib/wanted.js";

/** @typedef {import("./scene.js").Asked} Asked */
/** @typedef {import("./scene.js").Picture} Picture */

/** A picture of a large decoder takes its time, ms. */
const LONGEST = 3_600_000;

/** @param {Asked} asked */
export const keyOf = ({ image, kind, layer, column, seed, strength }) => [image, kind, layer, column, seed, strength].join();

/**
 * Single pictures as they are answered, or saved.
 * @param {any} said  what it is, and its numbers
 * @param {Uint8Array} rgb
 * @param {[height: number, width: number]} size
 * @returns {Picture}
 */
export function singleOf(said, rgb, [height, width]) {
  const named = said.named && { name: said.named[0], emoji: said.named[1], chance: said.chance };
  return { rgb, width, height, similarity: said.similarity ?? NaN, before: said.before ?? NaN, named };
}

/** @extends {Wanted<Asked, Picture>} */
export class Singles extends Wanted {
  /**
   * @param {import("../lib/requests.js").Ask | null} ask
   * @param {Map<string, Picture>} saved
   * @param {[height: number, width: number]} size
   * @param {() => void} onArrival
   * @param {(sentence: string, again: () => void) => void} onError
   */
  constructor(ask, saved, size, onArrival, onError) {
    super(ask, keyOf, saved, onArrival, onError);
    this.size = size;
  }

  /** @override @param {import("../lib/requests.js").Ask} ask @param {Asked[]} asked */
  async answer(ask, asked) {
    const [response, buffers] = await ask("_paint", asked[0], [], LONGEST);
    const made = response.error ? [] : [singleOf(response, asUint8(buffers[0]), this.size)];
    return { error: response.error, made };
  }
}
