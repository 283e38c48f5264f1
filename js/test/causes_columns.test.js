import assert from "node:assert/strict";
import { test } from "node:test";
import { shortly } from "../causes/attribution.js";
import { columnsFor } from "../causes/columns.js";
import { isOneOf, stepOf } from "../causes/film.js";
import { biasStep, END_ROOM, pointX } from "../causes/half_blocks.js";

test("columns stand as drawn: 6 and 12 layers beside the pair, 24 there, 6 by themselves at 700", () => {
  const drawn = [[818, 6], [818, 12], [818, 24], [668, 6]].map(([width = 0, layers = 0]) => {
    const { pitch, start, end } = columnsFor(width, layers);
    return [pitch, start, end];
  });
  assert.deepEqual(drawn, [
    [104, 114, 738],
    [56, 70, 742],
    [28, 70, 742],
    [86, 80, 596],
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

test("right of the curves an emoji and a number of four signs stay in the view", () => {
  for (const width of [428, 668, 818, 1018]) {
    for (const nLayers of [6, 12, 24]) {
      const columns = columnsFor(width, nLayers);
      assert.ok(pointX(biasStep(nLayers), columns) + END_ROOM <= width, `${width} ${nLayers}`);
    }
  }
  assert.deepEqual([2.3, -1.04, 12.34, -12.34, 140.2, -140.2].map(shortly), ["2.30", "−1.0", "12.3", "−12", "140", "−140"]);
});

test("the chosen state and every so many have a panel, none so near that they would touch", () => {
  for (const step of [1, 2, 4]) {
    for (let chosen = 0; chosen < 24; chosen++) {
      const shown = Array.from({ length: 24 }, (_, layer) => layer).filter((layer) => isOneOf(layer, chosen, step));
      assert.ok(shown.includes(chosen));
      shown.slice(1).forEach((layer, i) => assert.ok(layer - shown[i] >= step, `${shown}`));
      assert.ok(shown.length >= Math.floor(24 / step) - 1);
    }
  }
});

test("names of states have room beside each other", () => {
  for (const pitch of [14, 23, 44, 45, 46, 60, 90]) assert.ok(pitch * stepOf({ layout: { columns: { pitch } } }) >= 54, String(pitch));
});
