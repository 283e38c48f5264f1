import assert from "node:assert/strict";
import { test } from "node:test";
import { showsEmoji } from "../patch_grid/glyphs.js";
import { groundOf } from "../patch_grid/tints.js";

test("emoji need 14 px of a cell, on small grids 10", () => {
  const [small, large] = [{ rows: 7, cols: 7 }, { rows: 24, cols: 24 }];
  assert.deepEqual([9, 10, 14].map((cell) => showsEmoji(small, cell)), [false, true, true]);
  assert.deepEqual([9, 13, 14].map((cell) => showsEmoji(large, cell)), [false, false, true]);
});

test("only class colours stand on another ground in the dark", () => {
  assert.deepEqual([groundOf("class", false), groundOf("class", true)], ["light", "dark"]);
  assert.deepEqual([groundOf("entropy", false), groundOf("entropy", true)], ["map", "map"]);
  assert.equal(groundOf("none", true), "plain");
});
