// The edges of a circuit on a canvas: the weak first, orange towards the target, blue against it. Of
// thousands only the strongest are drawn, the others would be a grey cloud that takes its time.
import { setAttributes } from "../lib/dom.js";
import { blueOrange, colorAt } from "../lib/colormaps.js";
import { edgeEnds, heightOf, strokeOf } from "./circuit_places.js";

/** @typedef {import("./circuit.js").Drawn} Drawn */

export const MOST_DRAWN = 2000;

/** Edges that the node under the pointer has no part in. */
const ASIDE = 0.15;

const [ORANGE, BLUE] = [0.93, 0.07].map((place) => `rgb(${colorAt(blueOrange, place).join()})`);

/** What was drawn last on a canvas: a hover must not draw what stays. @type {WeakMap<HTMLCanvasElement, unknown[]>} */
const last = new WeakMap();

/** @param {HTMLCanvasElement} canvas @param {Drawn} s */
export function drawEdges(canvas, s) {
  const { columns, edges, ratio, passing, dark, live } = s;
  const values = [columns, edges, ratio, passing, dark, live];
  if (last.get(canvas)?.every((value, i) => Object.is(value, values[i]))) return;
  last.set(canvas, values);
  const height = heightOf(s);
  setAttributes(canvas, { width: Math.round(columns.width * ratio), height: Math.round(height * ratio) });
  canvas.style.width = `${columns.width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const largest = largestOf(edges.effect);
  for (const edge of weakFirst(s)) strokeEdge(context, s, edge, largest);
}

/** Over all edges of the model, so that a line keeps its width at every size. @param {ArrayLike<number>} effects */
function largestOf(effects) {
  let largest = 0;
  for (let i = 0; i < effects.length; i++) largest = Math.max(largest, Math.abs(effects[i]) || 0);
  return largest;
}

/** Those that are drawn, the strongest last. @param {{ edges: { effect: ArrayLike<number> }, live: number[] }} s @returns {number[]} */
export function weakFirst({ edges, live }) {
  const size = (/** @type {number} */ edge) => Math.abs(edges.effect[edge]) || 0;
  return live.toSorted((a, b) => size(a) - size(b)).slice(-MOST_DRAWN);
}

/** @param {CanvasRenderingContext2D} context @param {Drawn} s @param {number} edge @param {number} largest */
function strokeEdge(context, { edges, places, passing, columns }, edge, largest) {
  const [from, to] = [places.get(edges.from[edge] ?? -1), places.get(edges.to[edge] ?? -1)];
  if (!from || !to) return;
  const effect = edges.effect[edge] ?? 0;
  const isAside = passing !== null && passing !== edges.from[edge] && passing !== edges.to[edge];
  const { width, opacity } = strokeOf(effect, largest, columns.pitch);
  const [x0, y0, x1, y1] = edgeEnds(from, to, edges.port?.[edge] ?? 0);
  const bend = Math.max(8, (x1 - x0) / 2);
  context.globalAlpha = opacity * (isAside ? ASIDE : 1);
  context.strokeStyle = (effect < 0 ? BLUE : ORANGE) ?? "";
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(x0, y0);
  context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
  context.stroke();
}
