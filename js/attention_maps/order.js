// The order of heads in the overview.

/**
 * @param {Pick<import("./scene.js").Choices, "sort" | "order">} choices
 * @param {import("./scene.js").Statistic[]} statistics
 * @param {{ n_layers: number, n_heads: number }} meta
 * @returns {number[]} heads, layer after layer, as they are shown; without a number they come last
 */
export function orderOf({ sort, order }, statistics, { n_layers, n_heads }) {
  const heads = Array.from({ length: n_layers * n_heads }, (_, index) => index);
  const values = statistics.find(({ name }) => name === sort)?.values;
  if (!values) return heads;
  const sign = order === "descending" ? -1 : 1;
  const rank = (/** @type {number} */ index) => (Number.isNaN(values[index]) ? Infinity : sign * (values[index] ?? 0));
  return heads.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(a) < rank(b) ? -1 : 1));
}
