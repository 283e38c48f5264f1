// Where a key leads from one picture of the table to the next.

/** @typedef {import("./scene.js").Spot} Spot */

/**
 * @param {string} key
 * @param {Spot} from
 * @param {import("./scene.js").Meta} meta
 * @param {import("./scene.js").Place[]} order  of the components where they flow; none where they stand under the states
 * @param {number} columns  of that flow
 * @returns {Spot | null} null when the key leads nowhere
 */
export function step(key, from, meta, order, columns) {
  const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] }[key];
  if (!move) return null;
  const [down, across] = /** @type {[number, number]} */ (move);
  if (from.column < 0) return fromState(from, down, across, meta, order);
  if (order.length) return inFlow(from, down * columns + across, down, meta, order);
  const column = from.column + down;
  if (column < 0) return { layer: from.layer, column: -1, seed: meta.seeds.length - 1 };
  return { layer: within(from.layer + across, meta.n_layers), column: within(column, meta.n_heads + 1), seed: 0 };
}

/** @param {Spot} from @param {number} down @param {number} across @param {import("./scene.js").Meta} meta @param {import("./scene.js").Place[]} order @returns {Spot} */
function fromState(from, down, across, meta, order) {
  const seed = from.seed + down;
  if (seed >= meta.seeds.length && meta.n_heads) {
    const first = order[0] ?? { layer: Math.min(from.layer, meta.n_layers - 1), column: 0 };
    return { ...first, seed: 0 };
  }
  return { layer: within(from.layer + across, meta.state_names.length), column: -1, seed: within(seed, meta.seeds.length) };
}

/** @param {Spot} from @param {number} by @param {number} down @param {import("./scene.js").Meta} meta @param {import("./scene.js").Place[]} order @returns {Spot} */
function inFlow(from, by, down, meta, order) {
  const at = order.findIndex(({ layer, column }) => layer === from.layer && column === from.column);
  if (down < 0 && at + by < 0) return { layer: from.layer, column: -1, seed: meta.seeds.length - 1 };
  return { .../** @type {import("./scene.js").Place} */ (order[within(at + by, order.length)]), seed: 0 };
}

/** @param {number} value @param {number} count */
const within = (value, count) => Math.min(count - 1, Math.max(0, value));
