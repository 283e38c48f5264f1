import assert from "node:assert/strict";
import { test } from "node:test";
import { moved } from "../lib/grid_keys.js";

const grid = { rows: 3, cols: 5 };
const at = { row: 1, col: 2 };

test("arrows move by one patch and stop at the edges", () => {
  assert.deepEqual(moved("ArrowLeft", false, at, grid), { row: 1, col: 1 });
  assert.deepEqual(moved("ArrowRight", false, at, grid), { row: 1, col: 3 });
  assert.deepEqual(moved("ArrowUp", false, at, grid), { row: 0, col: 2 });
  assert.deepEqual(moved("ArrowDown", false, at, grid), { row: 2, col: 2 });
  assert.deepEqual(moved("ArrowDown", false, { row: 2, col: 4 }, grid), { row: 2, col: 4 });
  assert.deepEqual(moved("ArrowLeft", false, { row: 0, col: 0 }, grid), { row: 0, col: 0 });
});

test("Home and End mean the row, with Control the whole grid", () => {
  assert.deepEqual(moved("Home", false, at, grid), { row: 1, col: 0 });
  assert.deepEqual(moved("End", false, at, grid), { row: 1, col: 4 });
  assert.deepEqual(moved("Home", true, at, grid), { row: 0, col: 0 });
  assert.deepEqual(moved("End", true, at, grid), { row: 2, col: 4 });
});

test("any other key is not the grid's", () => {
  assert.equal(moved("a", false, at, grid), null);
  assert.equal(moved("Tab", false, at, grid), null);
});
