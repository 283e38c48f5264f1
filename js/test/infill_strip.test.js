import assert from "node:assert/strict";
import { test } from "node:test";
import { axisFor } from "../lib/axis.js";
import { between, placeUnder } from "../infill_strip/brush.js";
import { layoutFor } from "../infill_strip/layout.js";

test("a stroke between two patches leaves no gap and ends at the second", () => {
  for (const to of [{ row: 5, col: 2 }, { row: -3, col: 9 }, { row: 0, col: -7 }]) {
    const line = between({ row: 0, col: 0 }, to);
    assert.deepEqual(line.at(-1), to);
    let last = { row: 0, col: 0 };
    for (const place of line) {
      assert.ok(Math.max(Math.abs(place.row - last.row), Math.abs(place.col - last.col)) === 1);
      last = place;
    }
  }
  assert.deepEqual(between({ row: 1, col: 1 }, { row: 1, col: 1 }), []);
});

test("a pointer beyond the edge means the nearest patch", () => {
  const box = { left: 10, top: 20, width: 60, height: 40 };
  const grid = { rows: 4, cols: 6 };
  assert.deepEqual(placeUnder(box, grid, { clientX: 35, clientY: 45 }), { row: 2, col: 2 });
  assert.deepEqual(placeUnder(box, grid, { clientX: -5, clientY: 99 }), { row: 3, col: 0 });
  assert.deepEqual(placeUnder(box, grid, { clientX: 70, clientY: 20 }), { row: 0, col: 5 });
});

test("an axis spans its values with round numbers inside", () => {
  const cases = [[[0.0543, 0.0148, 0], 0], [[12.6, 18.3, 42, Infinity], undefined], [[0.227, 1], undefined], [[-0.2, 0.9, NaN], undefined]];
  for (const [values, from] of cases) {
    const { low, high, ticks } = axisFor(values, from);
    const finite = values.filter(Number.isFinite);
    assert.equal(high, Math.max(...finite));
    assert.equal(low, Math.min(...finite));
    assert.ok(ticks.length >= 2 && ticks.length <= 5, String(ticks));
    assert.ok(ticks.every((tick) => tick >= low && tick <= high));
    assert.ok(ticks.every((tick) => String(tick).length <= 6), String(ticks));
  }
  assert.deepEqual(axisFor([NaN, NaN]).ticks, []);
  assert.deepEqual(axisFor([3, 3]).ticks, [3]);
});

test("panels keep square patches, do not overlap and fit at every width", () => {
  for (const [rows, cols] of [[14, 14], [6, 10], [24, 24], [12, 5]]) {
    for (const nStates of [2, 6, 13, 25]) {
      for (let width = 320; width <= 2000; width += 37) {
        const { strip, right, left, gap, large, centres, mode } = layoutFor(width, { rows, cols }, nStates);
        assert.equal(strip.panel.width * rows, strip.panel.height * cols);
        assert.ok(strip.perRow * strip.lines >= nStates);
        assert.ok(strip.perRow === 1 || strip.pitch >= strip.panel.width);
        const end = (strip.perRow - 1) * strip.pitch + strip.panel.width;
        assert.ok(end <= right + 1, `${rows}x${cols}, ${nStates} states at ${width}: ${end} > ${right}`);
        assert.ok(large.width <= left);
        if (mode === "columns") assert.ok(left + gap + right <= width - 32);
        assert.equal(centres.length, nStates);
        assert.ok(centres.every((x) => x >= 0 && x <= right));
      }
    }
  }
});
