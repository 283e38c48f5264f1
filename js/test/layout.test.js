import assert from "node:assert/strict";
import { test } from "node:test";
import { labelledStates } from "../lib/state_words.js";
import { layoutFor, stripFor } from "../patch_grid/layout.js";

const GRIDS = [[7, 7], [14, 14], [24, 24], [37, 37], [20, 30], [30, 20]].map(([rows, cols]) => ({ rows, cols }));
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

test("patches and panels are whole pixels, and square", () => {
  for (const grid of GRIDS) {
    for (const width of WIDTHS) {
      const { cell, pictureWidth, pictureHeight, strip } = layoutFor(width, grid, 13, 5);
      assert.ok(Number.isInteger(cell) && Number.isInteger(strip.cell));
      assert.deepEqual([pictureWidth, pictureHeight], [cell * grid.cols, cell * grid.rows]);
      assert.deepEqual([strip.panelWidth, strip.panelHeight], [strip.cell * grid.cols, strip.cell * grid.rows]);
    }
  }
});

test("at 1100 px the sizes are those of the drawing", () => {
  const { mode, cell, leftWidth, strip, answers } = layoutFor(1100, { rows: 7, cols: 7 }, 5, 5);
  assert.deepEqual([mode, cell, leftWidth, answers], ["columns", 58, 406, 4]);
  assert.deepEqual([strip.panelWidth, strip.lines, strip.image?.width], [98, 1, 98]);
});

test("thirteen states fit in one row at 1100 px, twenty-five need more", () => {
  assert.equal(stripFor(638, 13, { rows: 14, cols: 14 }, true).lines, 1);
  assert.ok(stripFor(638, 25, { rows: 24, cols: 24 }, true).lines > 1);
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
