import assert from "node:assert/strict";
import { test } from "node:test";
import { isNamedByRegion, showsEmoji } from "../patch_grid/glyphs.js";
import { showsClasses } from "../patch_grid/panel.js";
import { regionsOf } from "../patch_grid/regions.js";
import { groundOf } from "../patch_grid/tints.js";

test("emoji need 14 px of a cell, on small grids 10, among very many patches 22", () => {
  const [small, large, fine] = [7, 14, 24].map((side) => ({ rows: side, cols: side }));
  assert.deepEqual([9, 10, 14].map((cell) => showsEmoji(small, cell)), [false, true, true]);
  assert.deepEqual([9, 13, 14].map((cell) => showsEmoji(large, cell)), [false, false, true]);
  assert.deepEqual([14, 21, 22].map((cell) => showsEmoji(fine, cell)), [false, false, true]);
});

test("where a cell is too small for its glyph, regions have it, and panels show classes by colour", () => {
  const reading = /** @type {import("../patch_grid/reading.js").Reading} */ ({ rows: 14, cols: 14 });
  const named = (glyph, cell, tint = "probability") => isNamedByRegion({ reading, glyph, tint }, cell);
  assert.deepEqual([named("emoji", 13), named("emoji", 14), named("label", 39), named("label", 40)], [true, false, true, false]);
  assert.deepEqual([named("none", 5), named("emoji", 5, "difference")], [false, false]);
  const byColour = (tint, glyph) => showsClasses({ reading, glyph, tint }, 6);
  assert.deepEqual([byColour("probability", "emoji"), byColour("probability", "none"), byColour("entropy", "emoji")], [true, false, false]);
});

test("a region is all patches of one answer that touch, and is named where it is widest", () => {
  const map = ["aaabbb", "aabbbb", "accbbb", "acdda."].map((line) => [...line].map((sign) => (sign === "." ? null : sign.charCodeAt(0))));
  const found = regionsOf(4, 6, (cell) => map[Math.floor(cell / 6)][cell % 6]);
  assert.deepEqual(found.map(({ of, size }) => String.fromCharCode(of) + size), ["b10", "a7", "c3", "d2", "a1"]);
  assert.deepEqual([found[0].row, found[0].col, found[0].width, found[0].height], [1.5, 3.5, 3, 3]);
  for (const { of, row, col } of found) assert.equal(map[row - 0.5][col - 0.5], of); // its name stands on it
});

test("only class colours stand on another ground in the dark", () => {
  assert.deepEqual([groundOf("class", false), groundOf("class", true)], ["light", "dark"]);
  assert.deepEqual([groundOf("entropy", false), groundOf("entropy", true)], ["map", "map"]);
  assert.equal(groundOf("none", true), "plain");
});
