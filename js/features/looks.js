// What is computed of single features when they are looked at: asked for together, not while the
// reader still moves, and what is wanted no longer is not asked for.
import { asUint8 } from "../lib/bytes.js";
import { Wanted } from "../lib/wanted.js";

/** @typedef {import("./scene.js").Look} Look */
/** @typedef {import("./scene.js").Found} Found */

/** As MOST_ASKED in looks.py. */
const MOST = 40;
/** Such looks take longer than others: they come one by one, and last. */
const SLOW = new Set(["turned", "partners", "here", "seen", "effect"]);

/** @type {Record<string, { new (buffer: ArrayBuffer, offset: number, length: number): any, BYTES_PER_ELEMENT: number }>} */
const KINDS = { u1: Uint8Array, i4: Int32Array, f4: Float32Array };

/** @param {Look} look */
export const keyOf = (look) => look.join();

/**
 * A look as it was answered, or sent along.
 * @param {any} said
 * @param {Uint8Array} bytes  at a multiple of 4
 * @returns {Found}
 */
export function foundOf(said, bytes) {
  const arrays = Object.fromEntries(
    Object.entries(said.parts ?? {}).map(([name, part]) => {
      const [at, size, kind] = /** @type {[number, number, string]} */ (part);
      const Kind = KINDS[kind] ?? Uint8Array;
      return [name, new Kind(/** @type {ArrayBuffer} */ (bytes.buffer), bytes.byteOffset + at, size / Kind.BYTES_PER_ELEMENT)];
    }),
  );
  return { said, arrays, why: said.why ?? "" };
}

/** @extends {Wanted<Look, Found>} */
export class Looks extends Wanted {
  /**
   * @param {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel
   * @param {() => void} onArrival
   * @param {(sentence: string, again: () => void) => void} onError
   */
  constructor(ask, onArrival, onError) {
    super(ask, keyOf, new Map(), onArrival, onError);
  }

  /** What was sent along. @param {Map<string, Found>} kept */
  keep(kept) {
    if (kept !== this.kept) this.count += 1;
    this.kept = kept;
  }

  /** Those of the first kind. @override @param {Look[]} missing */
  together(missing) {
    const first = missing[0];
    if (!first) return [];
    return SLOW.has(first[0]) ? [first] : missing.filter(([kind]) => kind === first[0]).slice(0, MOST);
  }

  /** @override @param {import("../lib/requests.js").Ask} ask @param {Look[]} asked */
  async answer(ask, asked) {
    const [response, buffers] = await ask("_look", { asked });
    const made = response.error ? [] : asked.map((_, i) => foundOf(response.found[i], asUint8(buffers[i])));
    return { error: response.error, made };
  }
}
