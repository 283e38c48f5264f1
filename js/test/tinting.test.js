import assert from "node:assert/strict";
import { test } from "node:test";
import { blueOrange, bytesOf, cividis, colorAt, viridis } from "../lib/colormaps.js";
import { MAP_GROUND, edges, mapOpacity, prepared, tint } from "../lib/tinting.js";

test("maps have 256 colours, and what is beyond their ends is clipped", () => {
  for (const map of [viridis, cividis, blueOrange]) {
    assert.equal(map.length, 768);
    assert.deepEqual(colorAt(map, -1), [...map.slice(0, 3)]);
    assert.deepEqual(colorAt(map, 2), [...map.slice(765)]);
  }
  assert.deepEqual(bytesOf("#CC79A7"), [204, 121, 167]);
});

test("a prepared picture is grey and lies between its ground's two ends of lightness", () => {
  const rgb = Uint8Array.from({ length: 3 * 400 }, (_, i) => (i * 7919) % 256);
  const out = prepared(rgb, MAP_GROUND);
  const values = [];
  for (let i = 0; i < out.length; i += 4) {
    assert.ok(out[i] === out[i + 1] && out[i] === out[i + 2] && out[i + 3] === 255);
    values.push(out[i]);
  }
  assert.equal(Math.min(...values), Math.round(0.1 * 255));
  assert.equal(Math.max(...values), Math.round(0.44 * 255));
});

test("a flat picture does not divide by zero", () => {
  assert.equal(prepared(new Uint8Array(30).fill(9), MAP_GROUND)[0], Math.round(0.1 * 255));
});

test("without a ground a picture stays as it is", () => {
  const rgb = Uint8Array.of(1, 2, 3, 250, 120, 7);
  assert.deepEqual([...prepared(rgb, null)], [1, 2, 3, 255, 250, 120, 7, 255]);
});

test("cells share out all pixels, also when they do not divide evenly", () => {
  const spans = Array.from({ length: 7 }, (_, i) => edges(i, 7, 50));
  assert.equal(spans[0][0], 0);
  assert.equal(spans[6][1], 50);
  spans.slice(1).forEach(([start], i) => assert.equal(start, spans[i][1]));
});

test("each cell gets its own paint, a hatch in diagonal stripes", () => {
  const image = { data: new Uint8ClampedArray(4 * 12 * 6).fill(100), width: 12, height: 6 };
  const paints = [null, { color: [200, 0, 50], opacity: 0.5 }, { color: [0, 0, 0], opacity: 1, hatch: [255, 255, 255] }];
  tint(image, { rows: 1, cols: 3 }, (cell) => paints[cell]);
  const at = (x, y) => [...image.data.slice(4 * (y * 12 + x), 4 * (y * 12 + x) + 3)];
  assert.deepEqual(at(0, 0), [100, 100, 100]);
  assert.deepEqual(at(5, 3), [150, 50, 75]);
  const hatched = [8, 9, 10, 11].map((x) => at(x, 0)[0]);
  assert.deepEqual(hatched, [0, 0, 255, 255]);
  assert.deepEqual([8, 9, 10, 11].map((x) => at(x, 1)[0]), [0, 255, 255, 0]);
});

test("opacity rises from a veil to three quarters", () => {
  assert.equal(mapOpacity(0), 0.12);
  assert.equal(mapOpacity(1), 0.75);
});
