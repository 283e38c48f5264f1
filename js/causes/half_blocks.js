// Where the curves over half blocks have their points and bars. Step 0 is what the embedding writes,
// steps 2l + 1 and 2l + 2 what attention and MLP of block l add, step 2L + 1 what the biases add.

/** @typedef {import("./columns.js").Columns} Columns */

/** Room for the step of the biases right of the last column; less where there is little. */
const [BIAS, LEAST_BIAS] = [20, 8];

/** What an emoji and a number of four signs need right of its point. */
export const END_ROOM = 58;

/** Width of the bars that have no half column. */
const LONE_BAR = 14;

/** @param {number} nLayers */
export const biasStep = (nLayers) => 2 * nLayers + 1;

/**
 * The layer that a step belongs to; null for embedding and biases.
 * @param {number} step
 * @param {number} nLayers
 */
export const layerOf = (step, nLayers) => (step < 1 || step > 2 * nLayers ? null : (step - 1) >> 1);

/**
 * What a step adds, in words.
 * @param {number} step
 * @param {number} nLayers
 */
export function partOf(step, nLayers) {
  const layer = layerOf(step, nLayers);
  if (layer === null) return step === 0 ? "embedding" : "biases";
  return `L${layer} ${step % 2 ? "attention" : "MLP"}`;
}

/**
 * Where the sum after a step stands.
 * @param {number} step
 * @param {Columns} columns
 */
export function pointX(step, { start, end, pitch, width, nLayers }) {
  return step === biasStep(nLayers) ? end + Math.max(LEAST_BIAS, Math.min(BIAS, width - end - END_ROOM)) : start + (step * pitch) / 2;
}

/**
 * Where the bar of a step stands, and how wide it is.
 * @param {number} step
 * @param {Columns} columns
 */
export function barAt(step, columns) {
  const half = columns.pitch / 2;
  if (layerOf(step, columns.nLayers) !== null) {
    const width = half * (half >= 24 ? 0.74 : 0.86);
    return { x: columns.start + (step - 0.5) * half - width / 2, width };
  }
  const width = Math.min(LONE_BAR, half);
  return step === 0
    ? { x: columns.start - 8 - width, width }
    : { x: pointX(step, columns) - width / 2, width };
}

/**
 * The step whose point is nearest.
 * @param {number} x
 * @param {Columns} columns
 */
export function stepAt(x, columns) {
  const last = biasStep(columns.nLayers);
  if (x > (columns.end + pointX(last, columns)) / 2) return last;
  return Math.max(0, Math.min(last - 1, Math.round((2 * (x - columns.start)) / columns.pitch)));
}

/**
 * What each step adds: the differences of sums.
 * @param {ArrayLike<number>} sums
 * @returns {number[]}
 */
export const stepsOf = (sums) => Array.from(sums, (sum, step) => (step === 0 ? sum : sum - (sums[step - 1] ?? NaN)));

/**
 * Target less against, or the target alone.
 * @param {ArrayLike<number>} target
 * @param {ArrayLike<number> | undefined} against
 * @returns {number[]}
 */
export const difference = (target, against) => Array.from(target, (sum, step) => sum - (against?.[step] ?? 0));

/**
 * How the halves of a block are called: less where there is little room, "" where there is none.
 * @param {number} pitch
 * @returns {[attention: string, mlp: string]}
 */
export function halfNames(pitch) {
  if (pitch >= 100) return ["attention", "MLP"];
  if (pitch >= 58) return ["attn", "MLP"];
  return pitch >= 52 ? ["att", "MLP"] : ["", ""];
}
