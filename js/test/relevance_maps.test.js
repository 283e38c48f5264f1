// Relevance: how numbers are written, scales, sums, differences, ranks, what a curve removes.
import assert from "node:assert/strict";
import test from "node:test";
import { Curves } from "../relevance_maps/curves.js";
import { layoutFor } from "../relevance_maps/layout.js";
import { Maps, rankOf } from "../relevance_maps/maps.js";
import { scaleFor } from "../relevance_maps/shades.js";
import { percent, relevance } from "../relevance_maps/words.js";

test("relevance has three digits, and only 0 is 0", () => {
  const written = [0, 1, -0.01234, 12345.6, 5.461, 0.00012345, -1234.6, 99.95, NaN].map(relevance);
  assert.deepEqual(written, ["0", "1.00", "−0.0123", "1.2e4", "5.46", "1.2e−4", "−1235", "100", "–"]);
  assert.deepEqual([0, 0.001, 0.124, 0.999, 1].map(percent), ["0 %", "<1 %", "12 %", ">99 %", "100 %"]);
});

test("a diverging scale has 0 in its middle, a root opens what is small", () => {
  const linear = scaleFor(true, "linear", 4);
  assert.deepEqual([-4, -1, 0, 2, 9].map(linear.place), [0, 0.375, 0.5, 0.75, 1]);
  const root = scaleFor(true, "sqrt", 4);
  assert.deepEqual([-4, -1, 0, 1].map(root.place), [0, 0.25, 0.5, 0.75]);
  const upwards = scaleFor(false, "linear", 4);
  assert.deepEqual([-1, 0, 1, 4].map(upwards.place), [0, 0, 0.25, 1]);
  for (const scale of [linear, root, upwards]) {
    for (const { at, text } of scale.ticks) assert.equal(scale.place(Number(text.replace("−", "-"))).toFixed(6), at.toFixed(6));
  }
});

const of = { target: 0, against: 1, method: "any", image: 0 };
const sizes = { nLayers: 2, nHeads: 2, n: 3, nBefore: 1 };
// prettier-ignore
const heads = Float32Array.of(
  9, 1, 2,  9, -1, 4,   9, 0, 1,  9, 5, -8, // the first class
  9, 2, 2,  9, 1, 1,    9, 3, 0,  9, -2, 1,
);
const maps = new Maps(of, sizes, Float32Array.of(1, 2, 3, 4, 6, 8), heads, true);

test("maps of a head, of a layer, of all, and the difference of two classes", () => {
  const at = (show, layer = 0, head = 0) => ({ show, layer, head });
  assert.deepEqual([...maps.values(0, at("all"))], [1, 2, 3]);
  assert.deepEqual([...maps.values(1, at("head", 1, 1))], [9, -2, 1]);
  assert.deepEqual([...maps.values(0, at("layer", 1))], [18, 5, -7]);
  assert.deepEqual([...maps.values("difference", at("all"))], [-3, -4, -5]);
  assert.deepEqual([...maps.values("difference", at("layer", 1))], [0, 4, -8]);
  assert.equal(maps.largest(0, at("head", 1, 1)), 8); // patches alone
  assert.equal(maps.share(0, 1, 1), 13 / 22);
  assert.equal(maps.values(0, at("layer", 1)), maps.values(0, at("layer", 1, 1)));
});

test("ranks are among patches; equal ones share the best", () => {
  const values = Float32Array.of(99, 3, 5, 5, -1);
  assert.deepEqual([1, 2, 3, 4].map((at) => rankOf(values, at, 1)), [3, 1, 1, 4]);
});

test("a point of a curve knows which patches are gone", () => {
  const about = { ...of, removed: [0, 0.25, 0.75], done: 3, is_over: true, refused: "", random: 1 };
  const falling = Int32Array.of(2, 0, 3, 1, 1, 3, 0, 2);
  const curves = new Curves(about, new Float32Array(18).fill(0.5), new Int32Array(12).fill(4), falling);
  assert.deepEqual([...curves.gone({ of: 0, kind: "positive", point: 1 })], [0, 0, 1, 0]);
  assert.deepEqual([...curves.gone({ of: 0, kind: "negative", point: 1 })], [0, 1, 0, 0]);
  assert.deepEqual([...curves.gone({ of: 1, kind: "positive", point: 2 })], [1, 1, 0, 1]);
  assert.deepEqual([...curves.gone({ of: 1, kind: "negative", point: 0 })], [0, 0, 0, 0]);
  assert.equal(curves.mean(1, "random"), 0.5);
});

test("a picture five times as wide as high is large, and has its heads below", () => {
  const wide = (width, isPair) => layoutFor(width, { rows: 6, cols: 20, nLayers: 6, nHeads: 6, isPair });
  assert.deepEqual([1400, 1000, 700].map((width) => wide(width, false).picture), [1000, 640, 660]);
  assert.deepEqual([1400, 1000, 700].map((width) => wide(width, true).picture), [440, 300, 660]);
  for (const width of [700, 1000, 1400]) assert.equal(wide(width, false).mode, "two");
});

test("pictures keep whole pixels a patch and fit their column", () => {
  for (const width of [320, 460, 700, 1100, 1400, 1900]) {
    for (const [rows, cols] of [[7, 7], [24, 24], [4, 20], [12, 16]]) {
      for (const isPair of [false, true]) {
        const layout = layoutFor(width, { rows, cols, nLayers: 12, nHeads: 12, isPair });
        assert.equal(layout.picture, layout.cell * cols);
        const beside = layout.mode === "columns" ? layout.overview.width + 28 : 0;
        const columns = layout.columns * layout.picture + (layout.columns - 1) * 20;
        const curves = layout.curves * layout.curve + (layout.curves - 1) * 24;
        assert.ok(beside + (isPair || layout.columns === 1 ? curves : layout.picture + 24 + layout.curve) <= Math.max(272, width - 32), `${width} ${rows} ${cols}`);
        if (isPair) assert.ok(beside + columns <= width - 32, `${width} ${rows} ${cols}`);
        else assert.ok(beside + layout.picture <= width - 32);
      }
    }
  }
});
