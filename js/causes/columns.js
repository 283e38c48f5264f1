// One axis of layers for the head map, the panels, the attribution and the circuit: where the column of
// each layer stands. x is counted in CSS pixels from the left edge of the views, which are equally wide:
//
//   | gutter: labels of rows | embedding | layer 0 | layer 1 | ... | last layer | answer |
//
// State `k_pre` stands in the column of block k. In curves over half blocks the left edge of a column is
// the state before the block, its middle is after the attention, its right edge is after the MLP.

/** Where labels of rows stand. */
const GUTTER = 34;

/** Room before and after the layers, by what there is: most first. */
const ROOMY = { embedding: 80, answer: 80 };
const NARROW = { embedding: 46, answer: 72 };
const TIGHT = { embedding: 36, answer: 72 };

/** Wider columns would help nobody. */
const WIDEST = 140;

/**
 * @typedef {object} Columns
 * @property {number} width  of the views
 * @property {number} nLayers
 * @property {number} pitch  from one column to the next
 * @property {number} start  left edge of layer 0
 * @property {number} end  right edge of the last layer
 * @property {number} embedding  middle of the room before the layers
 * @property {number} answer  middle of the room after them
 * @property {number} cell  width of a cell or a panel in a column
 * @property {number} every  of so many layers one has its label
 * @property {(layer: number) => number} left  edge of a column
 * @property {(layer: number) => number} center
 */

/**
 * @param {number} width  of the views, CSS pixels
 * @param {number} nLayers
 * @returns {Columns}
 */
export function columnsFor(width, nLayers) {
  const sides = nLayers > 8 ? TIGHT : width >= 800 ? ROOMY : NARROW;
  const free = width - GUTTER - sides.embedding - sides.answer;
  const pitch = Math.max(8, Math.min(WIDEST, Math.floor(free / nLayers)));
  const spare = Math.max(0, free - pitch * nLayers);
  const before = sides.embedding + Math.floor(pitch === WIDEST ? spare / 2 : 0);
  const start = GUTTER + before;
  const end = start + pitch * nLayers;
  return {
    width,
    nLayers,
    pitch,
    start,
    end,
    embedding: GUTTER + before / 2,
    answer: (end + width) / 2,
    cell: pitch - (pitch > 80 ? 6 : pitch > 20 ? 3 : 1),
    every: [1, 2, 4, 8].find((step) => step * pitch >= 25) ?? 8,
    left: (layer) => start + layer * pitch,
    center: (layer) => start + (layer + 0.5) * pitch,
  };
}
