// The arithmetic of Features: who is found, where points stand, which bin a value is in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { binsOf, placeIn, rankAtMost, START } from "../features/bins.js";
import { Catalogue } from "../features/catalogue.js";
import { topOf } from "../features/here.js";
import { layoutFor } from "../features/layout.js";
import { placeOf, Points, scaleOf } from "../features/points.js";
import { numberPlaces, roomOf } from "../features/strength.js";
import { activation, numberText, percent, share } from "../features/words.js";

const EDGES = [-Infinity, 0, ...Array.from({ length: 97 }, (_, i) => 2 ** (i / 4 - 12)), Infinity];

/** Two blocks of three features, two classes. */
function catalogue() {
  const areas = [0.95, 0.6, 0.2, 0.91, 0.5, NaN, 0.4, 0.99, 0.92, 0.3, 0.97, NaN];
  return new Catalogue(
    { layers: [1, 4], width: 3, n_patches: 40 },
    {
      numbers: Float32Array.from([0.95, 0.99, 0.92, 0.91, 0.97, NaN, 5, 3, 9, 0, 2, 0, 0.1, 0.2, 0.3, 0, 0.5, 0, 1, 1, 1, 1, 1, 1, 0.5, 0.1, 0.2, NaN, 1, NaN]),
      best: Int16Array.from([0, 1, 1, 0, 1, -1]),
      sparks: new Uint8Array(6 * 24),
      areas: Uint16Array.from(areas.map((one) => (Number.isNaN(one) ? 0 : 1 + Math.round(one * 65534)))),
      table: Int32Array.from([1, 2, 1, 1]),
    },
  );
}

test("features are found by class and block", () => {
  const all = catalogue();
  assert.deepEqual([...all.found(null, null)], [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([...all.found(1, null)], [1, 2, 4]);
  assert.deepEqual([...all.found(1, 4)], [4]);
  assert.deepEqual([...all.found(0, 1)], [0]);
  assert.equal(all.id(4, 2), 5);
  assert.equal(all.id(2, 0), -1);
  assert.deepEqual(all.of(4), { layer: 4, feature: 1 });
});

test("features without a number are last, those alike in their own order", () => {
  const all = catalogue();
  assert.deepEqual([...all.ordered(all.found(null, null), all.numbers("selectivity"))], [1, 4, 0, 2, 3, 5]);
  assert.deepEqual([...all.ordered(all.found(null, null), all.numbers("largest"))], [2, 0, 1, 4, 3, 5]);
  assert.equal(all.nSilent, 2);
});

test("the nearest point is found as by looking at all", () => {
  const random = (() => {
    let seed = 7;
    return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  })();
  const x = Float32Array.from({ length: 4000 }, () => 10 ** (-3 * random()));
  const y = Float32Array.from({ length: 4000 }, (_, i) => (i % 50 ? 0.5 + random() / 2 : NaN));
  const points = new Points(scaleOf("density", x), x, scaleOf("selectivity", y), y);
  for (let i = 0; i < 200; i++) {
    const [px, py] = [random() * 340, random() * 180];
    let [best, least] = [null, 144];
    for (let id = 0; id < 4000; id++) {
      const distance = (points.x[id] * 340 - px) ** 2 + (points.y[id] * 180 - py) ** 2;
      if (distance <= least) [best, least] = [id, distance];
    }
    assert.equal(points.nearest(px, py, 340, 180, 12), best);
  }
});

test("a frame holds what lies in it", () => {
  const x = Float32Array.from([0.01, 0.1, 1, 0]);
  const points = new Points(scaleOf("density", x), x, scaleOf("mean", x), x);
  assert.deepEqual([...points.inside(Uint32Array.from([0, 1, 2, 3]), { left: 0.4, right: 1, low: 0, high: 1 })], [1, 2]);
  assert.ok(!points.isThere(3)); // a log axis has no place for zero
});

test("a log scale has round numbers inside", () => {
  const scale = scaleOf("density", Float32Array.from([0.002, 0.4]));
  assert.deepEqual(scale.ticks.map(({ text }) => text), ["0.3 %", "1 %", "3 %", "10 %", "30 %"]);
  assert.ok(Math.abs(placeOf(scale, 0.002)) < 1e-6);
});

test("values stand in their bins, silent ones apart", () => {
  const counts = new Array(99).fill(0);
  counts[0] = 90;
  counts[10] = 2; // fainter than what is drawn
  counts[60] = 5;
  counts[66] = 3;
  const bins = binsOf(counts, EDGES, 66);
  assert.equal(bins.counts.length, 40);
  assert.equal(bins.fainter, 92);
  assert.deepEqual([bins.counts.at(-1), bins.counts.at(-7)], [3, 5]);
  const width = 500;
  assert.ok(placeIn(bins, 0, width) < START);
  const middle = (EDGES[66] + EDGES[67]) / 2;
  assert.ok(Math.abs(placeIn(bins, middle, width) - (START + (39.5 / 40) * (width - START))) < 1e-9);
  assert.equal(rankAtMost(counts, EDGES, middle), 3);
  assert.equal(rankAtMost(counts, EDGES, EDGES[60] * 1.01), 8);
});

test("what fires most is found among many", () => {
  const shares = Float32Array.from([0.1, NaN, 0.9, -1, 0.3, 0.9, 0.2, 0.4, 0.05, 0.6]);
  assert.deepEqual(topOf(shares), [2, 5, 9, 7, 4, 6]);
});

test("columns fit their width, and patches are whole", () => {
  for (const width of [420, 700, 900, 1000, 1200, 1440]) {
    for (const grid of [{ rows: 7, cols: 7 }, { rows: 37, cols: 37 }, { rows: 3, cols: 20 }]) {
      const { patch, columns, gap, right } = layoutFor(width, grid);
      assert.ok(Number.isInteger(patch));
      assert.ok(columns * patch * Math.max(grid.rows, grid.cols) + (columns - 1) * gap <= right);
    }
  }
});

test("numbers are written so that small ones are no zeros", () => {
  assert.equal(activation(0.004), "0.004");
  assert.equal(activation(-12.34), "−12.3");
  assert.equal(percent(0.00004), "<0.01 %");
  assert.equal(share(0.001), "<0.01");
  assert.equal(share(0), "0");
});

test("what fires seldom is not compared by shares", () => {
  const ranked = catalogue().ranked(Float32Array.from([0.2, 0.9, 0.3, 0.4, 0.5, 0]));
  assert.deepEqual([...ranked].map((one) => Math.round(10 * one)), [NaN, 9, 3, NaN, 5, NaN]);
});

test("areas near 1 are spread by their nines", () => {
  const scale = scaleOf("tail", Float32Array.from([0.5, 0.93, 0.999999]));
  const places = [0.9, 0.99, 0.999].map((area) => placeOf(scale, area));
  assert.ok(Math.abs(places[2] - 2 * places[1] + places[0]) < 1e-9);
  assert.equal(placeOf(scale, 1), 1);
  assert.equal(placeOf(scale, 0.5), 0);
});

test("effects are those that are given, and none before they come", () => {
  const all = catalogue();
  const adds = Float32Array.from([1, -2, 3, 0, 0.5, 0]);
  assert.equal(all.shown("effect", 1, adds), adds);
  assert.ok([...all.shown("effect", 1, null)].every(Number.isNaN));
  assert.deepEqual([...all.shown("tail", 1, null)], [...all.shown("selectivity", 1, null)]);
  assert.deepEqual(["+3.00", "−2.00", "0"], [3, -2, 0].map((one) => numberText("effect", one)));
});

test("numbers of a curve stand above and below its points, and never on the axis's words", () => {
  assert.deepEqual(numberPlaces([100], 176), [92]);
  assert.deepEqual(numberPlaces([176], 176), [168]);
  assert.deepEqual(numberPlaces([100, 40], 176), [116, 32]);
  assert.deepEqual(numberPlaces([60, 60], 176), [52, 76]);
  assert.deepEqual(numberPlaces([175, 30], 176), [167, 22]);
  for (const points of [[175, 174], [174, 176], [176, 176], [161, 150]]) {
    const places = numberPlaces(points, 176);
    assert.ok(Math.abs(Number(places[0]) - Number(places[1])) >= 14, String(places));
    assert.ok(Math.max(...places) <= 176, String(places));
  }
});

test("small numbers of the axis of strengths have room", () => {
  assert.equal(roomOf(["0", "0.5", "1"]), 34);
  assert.equal(roomOf(["0", "0.25", "0.5"]), 34);
  for (const text of ["0.002", "0.0025", "0.000005"]) assert.ok(roomOf(["0", text]) - 6 >= 7 * text.length);
});
