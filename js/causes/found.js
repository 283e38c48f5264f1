// A circuit as the kernel has sent it, in the form that its view takes.

/**
 * @typedef {object} Sent
 * @property {import("./sizes.js").Tried} exact
 * @property {import("./sizes.js").Tried | null} ranked
 * @property {number} size  of the circuit that was found, edges
 * @property {number | null} without  what is kept without it; null while it is looked for, as the next two
 * @property {number | null} answer  class
 * @property {number | null} probability
 * @property {{ count: number, largest: number } | null} random
 * @property {boolean} is_greedy
 * @property {boolean} is_finished
 * @property {number} n_edges  of the model
 * @property {import("./scene.js").Outside} outside  what ran outside of it
 */

/**
 * @typedef {object} Found
 * @property {number} size
 * @property {boolean} isGreedy
 * @property {boolean} isFinished
 * @property {number} nEdges
 * @property {import("./scene.js").Outside} outside
 * @property {import("./circuit.js").Edges} edges
 * @property {import("./sizes.js").Exact} exact
 * @property {import("./sizes.js").Tried | null} ranked
 * @property {import("./circuit.js").Circuit["random"]} random
 */

/**
 * @param {Sent | Record<string, never>} sent  empty where none was looked for
 * @param {Int32Array} edges  `[edge, (from, to, port)]`
 * @param {Float32Array} effect
 * @returns {Found | null}
 */
export function found(sent, edges, effect) {
  if (!("exact" in sent)) return null;
  const { size, exact, random } = /** @type {Sent} */ (sent);
  const column = (/** @type {number} */ at) => Int32Array.from(effect, (_, i) => edges[3 * i + at]);
  const ofFound = (/** @type {number | null} */ value, /** @type {number} */ none) => Array.from(exact.sizes, (one) => (one === size ? (value ?? none) : none));
  return {
    size,
    isGreedy: sent.is_greedy,
    isFinished: sent.is_finished,
    nEdges: sent.n_edges,
    outside: sent.outside,
    edges: { from: column(0), to: column(1), port: column(2), effect },
    exact: { ...exact, without: ofFound(sent.without, NaN), answer: ofFound(sent.answer, -1), probability: ofFound(sent.probability, NaN) },
    ranked: sent.ranked,
    random: random && { count: random.count, sizes: [size], largest: [random.largest] },
  };
}
