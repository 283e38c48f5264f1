// The circuit: which connections make the answer. Nodes are embedding, heads, MLPs and the answer, each
// in the column of its layer; an edge goes from a sender to its reader. Below, the curve of what circuits
// of each size keep is the slider of the size. It takes plain data and knows nothing of the widget:
//
//   const view = circuitView({ passNode, pinNode, chooseSize, chooseOutside });
//   root.append(view.node);
//   view.show(circuit);    // a `Circuit`, below; how nodes are counted: circuit_places.js
//
// Edges come in the order of their need, the most needed first: the circuit of a size is that many of them,
// less those on no way from the embedding to the answer.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { element, fill } from "../lib/dom.js";
import { drawEdges, MOST_DRAWN } from "./circuit_edges.js";
import { circuitNodes } from "./circuit_nodes.js";
import { alive, answerNode, heightOf, placesFor } from "./circuit_places.js";
import { nearest } from "./sizes.js";
import { sizeCurve } from "./size_curve.js";

/**
 * @typedef {object} Edges  the most needed first
 * @property {ArrayLike<number>} from  nodes
 * @property {ArrayLike<number>} to
 * @property {ArrayLike<number>} effect  width and colour: above 0 towards the target
 * @property {ArrayLike<number> | null} port  1 query, 2 key, 3 value of a head, 0 the whole node; null: none tells
 */

/**
 * @typedef {object} Circuit
 * @property {import("./columns.js").Columns} columns
 * @property {number} nLayers
 * @property {number} nHeads
 * @property {number} ratio  device pixels to one of CSS
 * @property {boolean} dark
 * @property {ArrayLike<number>} effects  by node, the share of the way that exchanging it alone goes; NaN: not known
 * @property {number} scale  where the colours of effects end, as on the map of heads
 * @property {Edges} edges
 * @property {number} nEdges  that the model has
 * @property {import("./sizes.js").Exact} exact  tried by exact runs
 * @property {string} exactWords  how: "exact, one by one"
 * @property {import("./sizes.js").Tried | null} ranked  the same by gradient rank
 * @property {{ count: number, sizes: ArrayLike<number>, largest: ArrayLike<number> } | null} random  the best of `count` random circuits of a size
 * @property {number} size  edges
 * @property {number | null} layer  the chosen one
 * @property {number | null} passing  node
 * @property {number | null} pinned  node
 * @property {string} words  beside the title: "only these connections run on the image with the cat"
 * @property {import("../lib/controls.js").Option[]} outsides  what may run outside the circuit
 * @property {string} outside  which does
 * @property {HTMLCanvasElement | null} picture  small, of the image
 * @property {(index: number) => import("../lib/labels.js").Label} labelOf
 * @property {number} labelTarget  class
 * @property {number | null} labelAgainst
 */

/**
 * @typedef {object} Actions
 * @property {(node: number | null) => void} passNode
 * @property {(node: number) => void} pinNode
 * @property {(size: number) => void} chooseSize
 * @property {(value: string) => void} chooseOutside
 */

/** @param {Actions} actions */
export function circuitView(actions) {
  const words = element("span", "vl-secondary");
  const controls = element("div", "vl-circuit-outside");
  const canvas = element("canvas", "vl-edges", { "aria-hidden": "true" });
  const band = element("div", "vl-band", { "aria-hidden": "true" });
  const layers = element("div", "vl-circuit-layers", { "aria-hidden": "true" });
  const nodes = circuitNodes(actions);
  const curve = sizeCurve(actions);
  const graph = element("div", "vl-graph", {}, band, canvas, nodes.node);
  const note = element("p", "vl-hint", { role: "status" });
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "Circuit"), words, controls);
  const node = element("section", "vl-circuit", { "aria-label": "Circuit" }, head, layers, graph, note, curve.node);
  let outside = segments("", "", [], () => {});
  listen(node, curve.onKey);
  const drawings = [
    whenChanged((/** @type {Circuit} */ s) => [s.words], (s) => fill(words, s.words)),
    whenChanged((s) => [s.outsides], (s) => {
      outside = segments("Outside it", "What runs outside the circuit", s.outsides, actions.chooseOutside);
      fill(controls, s.outsides.length > 1 && outside.node);
    }),
    whenChanged((s) => [s.outsides, s.outside], (s) => outside.show(s.outside)),
    whenChanged((s) => [s.columns, s.layer, s.nHeads], (s) => {
      graph.style.height = `${heightOf(s)}px`;
      nameLayers(layers, s);
      placeBand(band, s);
    }),
  ];
  const drawNote = whenChanged((/** @type {Drawn} */ s) => [s.live], ({ live }) => fill(note, noteOf(live.length)));
  /** @type {Drawn | null} */
  let last = null;
  const settle = whenChanged((/** @type {Circuit} */ s) => [s.columns, s.edges, s.exact, s.size, s.nHeads], (s) => void (last = drawnOf(s)));
  return {
    node,
    /** @param {Circuit} circuit */
    show(circuit) {
      for (const draw of drawings) draw(circuit);
      settle(circuit);
      const { live, places } = /** @type {Drawn} */ (last);
      const drawn = { ...circuit, live, places };
      drawNote(drawn);
      nodes.show(drawn);
      drawEdges(canvas, drawn);
      curve.show(drawn);
    },
  };
}

/** @typedef {Circuit & { live: number[], places: Map<number, import("./circuit_places.js").Place> }} Drawn  `live` are its edges */

/** The circuit of the nearest size that was tried: of it the numbers are known. @param {Circuit} s @returns {Drawn} */
function drawnOf(s) {
  const at = nearest(s.exact.sizes, s.size);
  const live = alive(s.edges, Math.min(s.edges.from.length, s.exact.sizes[at] ?? s.size), answerNode(s));
  const present = new Set(live.flatMap((edge) => [s.edges.from[edge] ?? 0, s.edges.to[edge] ?? 0]));
  return { ...s, live, places: placesFor(s.columns, s, present) };
}

/** @param {HTMLElement} layers @param {Circuit} s */
function nameLayers(layers, { columns, layer }) {
  const names = Array.from({ length: columns.nLayers }, (_, at) => {
    const name = element("span", at === layer ? "vl-current" : "", {}, `L${at}`);
    name.style.left = `${columns.center(at)}px`;
    return at % columns.every === 0 || at === layer ? name : null;
  });
  const isClose = (/** @type {number} */ at) => layer !== null && at !== layer && Math.abs(at - layer) < columns.every;
  fill(layers, ...names.filter((_, at) => !isClose(at)));
}

/** @param {HTMLElement} band @param {Circuit} s */
function placeBand(band, { columns, layer }) {
  band.hidden = layer === null;
  band.style.left = `${columns.left(layer ?? 0)}px`;
  band.style.width = `${columns.pitch}px`;
}

/** What the picture leaves out. @param {number} count  edges */
const noteOf = (count) => count > MOST_DRAWN && `Drawn are the ${MOST_DRAWN.toLocaleString("en-US")} of these edges with the largest effects.`;

/** Plus and minus anywhere in the circuit; the slider has them, too. @param {HTMLElement} node @param {(key: string) => boolean} onKey */
function listen(node, onKey) {
  node.addEventListener("keydown", (event) => {
    if (!["+", "-", "="].includes(event.key) || event.ctrlKey || event.metaKey || !onKey(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}
