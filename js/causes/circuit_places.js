// Where the nodes of a circuit stand, and how its edges run. Nodes count as the stream is written: 0 is
// the embedding; block l has the nodes 1 + l (H + 1) + 0 .. H, its heads and last its MLP; then the answer.

/** @typedef {import("./columns.js").Columns} Columns */
/** @typedef {{ nLayers: number, nHeads: number }} Sizes */
/** @typedef {{ layer: number, head: number | null }} Part  head null: the MLP */
/** @typedef {{ x: number, y: number, width: number, height: number }} Place  its middle and its size */

/** From so many heads on the nodes of a column are packed; below, each head has a row of its own. */
export const PACKED_FROM = 8;

/** Where heads and MLP stand in their column, as shares of it. */
const HEAD_AT = 0.27;
const MLP_AT = 0.75;

const ROW = 52;
const PACKED_ROW = 21;
const MARGIN = 22;
const LEAST = 200;

/** The ends of the picture are wider than its nodes. */
const END = 34;

export const EMBEDDING = 0;

/** @param {Sizes} sizes */
export const answerNode = ({ nLayers, nHeads }) => 1 + nLayers * (nHeads + 1);

/** @param {Sizes} sizes @param {number} layer @param {number | null} head  null: the MLP */
export const nodeOf = ({ nHeads }, layer, head) => 1 + layer * (nHeads + 1) + (head ?? nHeads);

/** @param {Sizes} sizes @param {number} node @returns {Part | null} null for embedding and answer */
export function partOf(sizes, node) {
  if (node <= EMBEDDING || node >= answerNode(sizes)) return null;
  const [layer, head] = [Math.floor((node - 1) / (sizes.nHeads + 1)), (node - 1) % (sizes.nHeads + 1)];
  return { layer, head: head === sizes.nHeads ? null : head };
}

/** @param {Sizes} sizes @param {number} node */
export function nameOf(sizes, node) {
  const part = partOf(sizes, node);
  if (!part) return node === EMBEDDING ? "embedding" : "answer";
  return `Layer ${part.layer}, ${part.head === null ? "MLP" : `head ${part.head}`}`;
}

/** Of the picture: the same for every size of a circuit, so nothing jumps. @param {Sizes} sizes */
export const heightOf = ({ nHeads }) =>
  Math.max(LEAST, nHeads < PACKED_FROM ? (nHeads + 1) * ROW : (nHeads + 1) * PACKED_ROW + MARGIN);

/**
 * What is written on a node: less where columns are narrow, nothing where they are narrower still.
 * @param {Part} part
 * @param {number} pitch
 */
export function textOf({ head }, pitch) {
  if (pitch < 40) return "";
  if (pitch < 54) return head === null ? "M" : String(head);
  return head === null ? "MLP" : `H${head}`;
}

/** @param {number} pitch @returns {{ width: number, height: number }} */
function chipFor(pitch) {
  if (pitch < 40) return { width: Math.max(7, Math.floor(pitch * 0.4)), height: 12 };
  return { width: pitch >= 80 ? 38 : pitch >= 54 ? 30 : 20, height: pitch >= 80 ? 20 : 18 };
}

/**
 * @param {Columns} columns
 * @param {Sizes} sizes
 * @param {Iterable<number>} present  nodes of the circuit
 * @returns {Map<number, Place>}  the ends are always there
 */
export function placesFor(columns, sizes, present) {
  const height = heightOf(sizes);
  const size = chipFor(columns.pitch);
  /** @type {Map<number, number[]>} */
  const inColumn = new Map();
  for (const node of new Set(present)) {
    const part = partOf(sizes, node);
    if (part) inColumn.set(part.layer, [...(inColumn.get(part.layer) ?? []), node]);
  }
  const end = { y: height / 2, width: Math.min(END, columns.start - 4), height: END };
  /** @type {Map<number, Place>} */
  const places = new Map([[EMBEDDING, { x: columns.embedding, ...end }]]);
  for (const [layer, nodes] of inColumn) {
    nodes.sort((a, b) => a - b);
    for (const [at, node] of nodes.entries()) {
      const head = partOf(sizes, node)?.head ?? null;
      const x = columns.left(layer) + columns.pitch * (head === null ? MLP_AT : HEAD_AT);
      places.set(node, { x, y: rowOf(sizes, head, at, nodes.length, height), ...size });
    }
  }
  return places.set(answerNode(sizes), { x: columns.answer, ...end });
}

/** @param {Sizes} sizes @param {number | null} head @param {number} at  its place in the column @param {number} count @param {number} height */
function rowOf({ nHeads }, head, at, count, height) {
  if (nHeads < PACKED_FROM) return (((head ?? nHeads) + 0.5) * height) / (nHeads + 1);
  const gap = Math.min(44, (height - MARGIN) / count);
  return height / 2 + (at - (count - 1) / 2) * gap;
}

/**
 * Which of the first edges lie on a way from the embedding to the answer: others do nothing.
 * @param {{ from: ArrayLike<number>, to: ArrayLike<number> }} edges
 * @param {number} count
 * @param {number} answer  the last node
 * @returns {number[]}
 */
export function alive({ from, to }, count, answer) {
  const [reached, leads] = [new Uint8Array(answer + 1), new Uint8Array(answer + 1)];
  reached[EMBEDDING] = leads[answer] = 1;
  // A node reads from those before it alone, so in the order of nodes one pass is enough.
  const edges = Array.from({ length: count }, (_, edge) => edge);
  for (const edge of edges.toSorted((a, b) => from[a] - from[b])) if (reached[from[edge]]) reached[to[edge]] = 1;
  for (const edge of edges.toSorted((a, b) => to[b] - to[a])) if (leads[to[edge]]) leads[from[edge]] = 1;
  return edges.filter((edge) => reached[from[edge]] && leads[to[edge]]);
}

/**
 * Where an edge begins and ends: at the sender's right and the reader's left. A head is read into by
 * query, key and value apart; where edges tell, each has a docking point of its own.
 * @param {Place} from
 * @param {Place} to
 * @param {number} port  0 the whole node, 1 query, 2 key, 3 value
 * @returns {[x0: number, y0: number, x1: number, y1: number]}
 */
export const edgeEnds = (from, to, port) => [
  from.x + from.width / 2,
  from.y,
  to.x - to.width / 2,
  to.y + (port === 0 ? 0 : (port - 2) * (to.height / 3.4)),
];

/**
 * How wide an edge is, and how opaque.
 * @param {number} effect
 * @param {number} largest  of all sizes of effects
 * @param {number} pitch  of the columns: thick lines need room
 */
export function strokeOf(effect, largest, pitch) {
  const share = largest > 0 ? Math.min(1, Math.abs(effect) / largest) : 0;
  return { width: 0.6 + (pitch >= 80 ? 7 : 4) * share, opacity: 0.22 + 0.55 * share };
}

/**
 * The nearest node in a direction.
 * @param {Map<number, Place>} places
 * @param {number} node
 * @param {string} key  of an arrow
 * @returns {number | null} null where there is none, and for other keys
 */
export function neighbour(places, node, key) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  const here = places.get(node);
  if (!way || !here) return null;
  const [dx = 0, dy = 0] = way;
  let [best, least] = [/** @type {number | null} */ (null), Infinity];
  for (const [other, place] of places) {
    const [x, y] = [place.x - here.x, place.y - here.y];
    const [ahead, aside] = dx ? [x * dx, Math.abs(y)] : [y * dy, Math.abs(x)];
    if (other === node || ahead < 1) continue;
    const cost = ahead + (dx ? 1 : 3) * aside;
    if (cost < least) [best, least] = [other, cost];
  }
  return best;
}
