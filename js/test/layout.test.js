import assert from "node:assert/strict";
import { test } from "node:test";
import { labelledStates } from "../lib/state_words.js";
import { layoutFor, stripFor } from "../patch_grid/layout.js";

const GRIDS = [[7, 7], [14, 14], [24, 24], [37, 37], [20, 30], [30, 20], [6, 20], [20, 6], [3, 12]].map(([rows, cols]) => ({ rows, cols }));
const WIDTHS = [400, 460, 559, 560, 700, 879, 880, 999, 1000, 1100, 1299, 1300, 1400, 1900];
const STATES = [2, 3, 5, 7, 13, 25, 33, 49];

test("nothing is wider than the widget, on any grid, at any width, with any number of states", () => {
  for (const grid of GRIDS) {
    for (const width of WIDTHS) {
      for (const nStates of STATES) {
        const { mode, leftWidth, pictureWidth, strip } = layoutFor(width, grid, nStates, 5);
        const content = width - 32;
        const room = mode === "columns" ? content - leftWidth - 24 : content;
        const last = strip.left + (strip.perRow - 1) * strip.pitch + strip.panelWidth;
        const what = JSON.stringify({ grid, width, nStates });
        assert.ok(pictureWidth <= leftWidth && leftWidth <= content, what);
        assert.ok(last <= room + 0.5, `${what}: strip ends at ${last} of ${room}`);
        assert.ok(strip.perRow * strip.lines >= nStates, what);
      }
    }
  }
});

test("patches are whole pixels, and square; those of panels where they are 8 or larger", () => {
  for (const grid of GRIDS) {
    for (const width of WIDTHS) {
      const { cell, pictureWidth, pictureHeight, strip } = layoutFor(width, grid, 13, 5);
      assert.ok(Number.isInteger(cell) && (strip.cell < 8 || Number.isInteger(strip.cell)));
      assert.deepEqual([pictureWidth, pictureHeight], [cell * grid.cols, cell * grid.rows]);
      assert.ok(Math.abs(strip.panelWidth - strip.cell * grid.cols) < 1e-9 && Math.abs(strip.panelHeight - strip.cell * grid.rows) <= 0.5);
    }
  }
});

test("at 1100 px the sizes are those of the drawing", () => {
  const { mode, cell, leftWidth, strip, answers } = layoutFor(1100, { rows: 7, cols: 7 }, 5, 5);
  assert.deepEqual([mode, cell, leftWidth, answers], ["columns", 58, 406, 4]);
  assert.deepEqual([strip.panelWidth, strip.lines, strip.image?.width], [98, 1, 98]);
});

test("panels are readable: 64 px a side at 13, 25 and 49 states, in as few rows as that takes", () => {
  for (const grid of GRIDS) {
    for (const width of [700, 1000, 1100, 1400]) {
      for (const nStates of [13, 25, 49]) {
        const { strip, mode } = layoutFor(width, grid, nStates, 5);
        const what = JSON.stringify({ grid, width, nStates, strip });
        assert.ok(strip.panelWidth * strip.panelHeight >= (grid.rows > 2 * grid.cols || mode === "stack" ? 36 : 64) ** 2, what);
        const room = mode === "columns" ? width - 32 - layoutFor(width, grid, nStates, 5).leftWidth - 24 : width - 32;
        assert.ok(strip.left + strip.perRow * strip.pitch >= 0.6 * room, `${what} fills its width`);
      }
    }
  }
});

test("a grid far wider than high has the whole width, and its list beside it", () => {
  for (const [rows, cols] of [[6, 20], [3, 12]]) {
    const { mode, pictureWidth, pictureHeight, strip } = layoutFor(1400, { rows, cols }, 7, 5);
    assert.equal(mode, "side");
    assert.ok(pictureWidth >= 1000 && pictureHeight <= 420);
    assert.ok(strip.panelWidth >= 180 && strip.lines <= 2);
  }
});

test("on a 7 x 7 grid the panels are wide enough for emoji, in two rows if need be", () => {
  const grid = { rows: 7, cols: 7 };
  for (const [width, nStates] of [[460, 5], [700, 7], [1000, 7], [1068, 7], [1100, 13], [1400, 13]]) {
    const { strip } = layoutFor(width, grid, nStates, 5);
    assert.ok(strip.cell >= 10 && strip.lines <= 2, JSON.stringify({ width, nStates, strip }));
  }
});

test("the table shows as many answers as there is room for, and never more than there are", () => {
  const grid = { rows: 7, cols: 7 };
  assert.equal(layoutFor(1400, grid, 5, 5).answers, 4);
  assert.equal(layoutFor(1400, grid, 5, 2).answers, 2);
  assert.ok(layoutFor(460, grid, 5, 5).answers < 4);
});

test("names under the filmstrip never touch, and the current state is always named", () => {
  for (const nStates of STATES) {
    for (const pitch of [20, 30, 44, 60]) {
      for (let current = 0; current < nStates; current++) {
        const named = labelledStates(nStates, current, pitch);
        assert.ok(named.includes(current));
        const gaps = named.slice(1).map((state, i) => (state - named[i]) * pitch);
        assert.ok(gaps.every((gap) => gap >= 44), JSON.stringify({ nStates, pitch, current, named }));
      }
    }
  }
});
