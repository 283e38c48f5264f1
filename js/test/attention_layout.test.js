import assert from "node:assert/strict";
import { test } from "node:test";
import { TICKS, layoutFor, overviewFor } from "../attention_maps/layout.js";

const WIDTHS = [400, 500, 640, 700, 879, 999, 1000, 1100, 1200, 1299, 1300, 1400, 1900];
const GRIDS = [[7, 7, 1], [14, 14, 1], [24, 24, 1], [16, 16, 5], [10, 14, 2], [3, 5, 0], [37, 37, 5]];
const HEADS = [[4, 3], [6, 3], [12, 12], [24, 16], [3, 12], [40, 2]];

const cases = GRIDS.flatMap(([rows, cols, nBefore]) =>
  HEADS.flatMap(([nLayers, nHeads]) => WIDTHS.map((width) => ({ width, sizes: { n: rows * cols + nBefore, nBefore, rows, cols, nLayers, nHeads } }))),
);
const gapOf = ({ mode, width }) => (mode === "columns" ? (width >= 1300 ? 28 : 24) : 24);

test("columns never run over the widget, at any width, grid and number of heads", () => {
  for (const { width, sizes } of cases) {
    const content = width - 32;
    const { mode, overview, mapSide, imageWidth } = layoutFor(width, sizes);
    const what = JSON.stringify({ width, sizes, mode, overview, mapSide, imageWidth });
    const map = mapSide + TICKS.left;
    const gap = gapOf({ mode, width });
    if (mode === "columns") assert.ok(overview.width + map + imageWidth + 2 * gap <= content, what);
    else if (mode === "pair") assert.ok(overview.width + gap + imageWidth <= content && map <= content, what);
    else if (mode === "two") assert.ok(Math.max(overview.width, imageWidth) + gap + map <= content, what);
    else assert.ok(Math.max(overview.width, map, imageWidth) <= content, what);
    assert.ok(overview.left + sizes.nHeads * (overview.side + overview.gap) - overview.gap <= overview.width, what);
  }
});

test("maps have whole cells wherever one pixel a cell fits", () => {
  for (const { width, sizes } of cases) {
    const { mapSide } = layoutFor(width, sizes);
    const gap = sizes.nBefore ? 2 : 0;
    if (mapSide - gap >= sizes.n) assert.equal((mapSide - gap) % sizes.n, 0, JSON.stringify({ width, sizes, mapSide }));
  }
});

test("577 tokens fit at one pixel a cell from 1200 px on, and under overview and image at 700", () => {
  const sizes = { n: 577, nBefore: 1, rows: 24, cols: 24, nLayers: 24, nHeads: 16 };
  assert.deepEqual([1200, 1400, 700].map((width) => layoutFor(width, sizes).mapSide), [579, 579, 579]);
  assert.equal(layoutFor(700, sizes).mode, "pair");
});

test("maps of 197 and 257 tokens have two pixels a cell, beside the overview where both fit", () => {
  const sizes = { n: 257, nBefore: 1, rows: 16, cols: 16, nLayers: 12, nHeads: 6 };
  const modes = [[560, "stack"], [640, "pair"], [700, "pair"], [952, "two"], [999, "two"]];
  for (const [width, wanted] of modes) {
    const { mode, mapSide } = layoutFor(width, sizes);
    assert.deepEqual([mode, mapSide], [wanted, width < 600 ? 259 : 516], `${width}`);
  }
  const base = { n: 197, nBefore: 1, rows: 14, cols: 14, nLayers: 12, nHeads: 12 };
  const widths = [700, 760, 900, 1000, 1400];
  assert.deepEqual(widths.map((width) => layoutFor(width, base).mode), ["pair", "two", "two", "two", "columns"]);
  assert.deepEqual(widths.map((width) => layoutFor(width, base).mapSide), [593, 396, 396, 396, 396]);
});

test("a map takes no room that makes 12 x 12 heads small over a blank, unless its cells would not be seen", () => {
  const base = { n: 197, nBefore: 1, rows: 14, cols: 14, nLayers: 12, nHeads: 12, thumbnail: 64 };
  const at = (/** @type {number} */ width, /** @type {object} */ more = {}) => layoutFor(width, { ...base, ...more });
  assert.ok(at(1400).overview.side >= 29);
  assert.equal(at(1900).mapSide, 593); // three pixels a cell, once the heads do not pay for them
  assert.equal(at(1400, { nLayers: 24, nHeads: 16 }).mapSide, 593); // a tall overview
  assert.equal(at(1400, { n: 577, rows: 24, cols: 24 }).mapSide, 579);
});

test("50 tokens stand beside the overview down to 640 px, in three columns from 1000", () => {
  const sizes = { n: 50, nBefore: 1, rows: 7, cols: 7, nLayers: 12, nHeads: 12 };
  assert.deepEqual([500, 640, 999, 1000].map((width) => layoutFor(width, sizes).mode), ["stack", "two", "two", "columns"]);
});

test("patches are whole pixels and square", () => {
  for (const { width, sizes } of cases) {
    const { imageCell, imageWidth, imageHeight } = layoutFor(width, sizes);
    assert.ok(Number.isInteger(imageCell) && imageCell >= 2);
    assert.deepEqual([imageWidth, imageHeight], [imageCell * sizes.cols, imageCell * sizes.rows]);
  }
});

test("a thumbnail larger than its map shows whole pixels", () => {
  const { side } = overviewFor(330, 600, { n: 50, nBefore: 1, rows: 7, cols: 7, nLayers: 4, nHeads: 3 });
  assert.equal(side % 50, 0);
});

test("what is said of one head stands under the image where the thumbnails reach far below it", () => {
  const of = (nLayers, nHeads) => ({ n: 1025, nBefore: 1, rows: 32, cols: 32, nLayers, nHeads });
  for (const [nLayers, nHeads, tall] of [[12, 6, true], [24, 6, true], [12, 12, false]]) {
    const { mode, isTall } = layoutFor(700, of(nLayers, nHeads));
    assert.deepEqual([mode, isTall], ["pair", tall], `${nLayers} x ${nHeads}`);
  }
});
