import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsFor } from "../causes/columns.js";

test("columns stand as drawn: 6 and 12 layers beside the pair, 24 there, 6 by themselves at 700", () => {
  const drawn = [[818, 6], [818, 12], [818, 24], [668, 6]].map(([width = 0, layers = 0]) => {
    const { pitch, start, end } = columnsFor(width, layers);
    return [pitch, start, end];
  });
  assert.deepEqual(drawn, [
    [104, 114, 738],
    [58, 70, 766],
    [29, 70, 766],
    [88, 80, 608],
  ]);
});

test("every layer has its column, in order and inside, at any width", () => {
  for (const width of [428, 668, 818, 1018, 1600]) {
    for (const layers of [1, 2, 6, 12, 24, 32]) {
      const columns = columnsFor(width, layers);
      assert.ok(columns.cell > 0 && columns.cell < columns.pitch);
      for (let layer = 0; layer < layers; layer++) {
        assert.equal(columns.left(layer), columns.start + layer * columns.pitch);
        assert.equal(2 * columns.center(layer), columns.left(layer) + columns.left(layer + 1));
      }
      assert.equal(columns.left(layers), columns.end);
      assert.ok(columns.embedding < columns.start && columns.end < columns.answer && columns.answer <= width, `${width} ${layers}`);
    }
  }
});
