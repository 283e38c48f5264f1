// Everything that is asked of the kernel while the reader looks around.
import { asFloat32 } from "../lib/bytes.js";
import { Latest } from "../lib/requests.js";
import { ExactCache, MapCache, keyOf } from "./map_cache.js";

/** @typedef {import("./map_cache.js").What} What */
/** @typedef {import("./scene.js").Neurons} Neurons */

/**
 * @param {number} n  tokens
 * @param {import("../lib/requests.js").Ask | null} kernel  null on a page without one
 * @param {() => void} onArrival
 * @param {(sentence: string, again: () => void) => void} onError
 */
export function ofTheKernel(n, kernel, onArrival, onError) {
  const ask = kernel ?? nobody;
  return {
    maps: new MapCache(n, ask, onArrival, onError, kernel ? undefined : Infinity),
    exact: new ExactCache(n, kernel, onArrival, onError),
    neurons: new NeuronStore(ask, onArrival, onError),
  };
}

const nobody = () => Promise.reject(new Error("This page has no kernel to ask: it shows what was saved with it."));

/** @type {Neurons} */
const ON_THEIR_WAY = { of: "", query: null, key: null, product: null, scale: NaN, rest: NaN, score: NaN };

/** The neurons of the pair that was asked for last. */
export class NeuronStore {
  /**
   * @param {import("../lib/requests.js").Ask} ask
   * @param {() => void} onArrival
   * @param {(sentence: string, again: () => void) => void} onError
   */
  constructor(ask, onArrival, onError) {
    /** @type {Neurons | null} */
    this.found = null;
    /** @type {Latest<What & { query: number, key: number }>} */
    this.requests = new Latest(
      ask,
      "_neurons",
      ({ message, response, buffers }) => {
        const [query = null, key = null, product = null] = buffers.map(asFloat32);
        this.found = { of: nameOf(message), query, key, product, ...response };
        onArrival();
      },
      onError,
    );
  }

  /**
   * @param {What} what
   * @param {number | null} query  position
   * @param {number | null} key
   * @returns {Neurons | null} null where there are none; without arrays while they are on their way
   */
  find(what, query, key) {
    if (query === null || key === null || what.show !== "head" || what.image === null) return null;
    if (this.found?.of === nameOf({ ...what, query, key })) return this.found;
    this.requests.want({ ...what, query, key });
    return ON_THEIR_WAY;
  }
}

/** @param {What & { query: number, key: number }} what */
const nameOf = (what) => `${keyOf({ ...what, kind: "scores" })}, ${what.query}, ${what.key}`;
