import assert from "node:assert/strict";
import { test } from "node:test";
import { clamped, fittingCell, nextCell, patchesAt, pixelOf, positionAt, revealing, wholeView, zoomed } from "../attention_maps/viewport.js";

const SHEETS = [
  { n: 50, nBefore: 1, side: 402 },
  { n: 197, nBefore: 1, side: 396 },
  { n: 577, nBefore: 1, side: 579 },
  { n: 261, nBefore: 5, side: 524 },
  { n: 24, nBefore: 0, side: 240 },
  { n: 1374, nBefore: 5, side: 600 },
];

test("seen whole, cells are whole pixels where one pixel fits, and the last ends at the window's end", () => {
  for (const sheet of SHEETS) {
    const cell = fittingCell(sheet);
    assert.equal(Number.isInteger(cell), sheet.n <= sheet.side);
    const end = pixelOf(sheet, cell, 0, sheet.n - 1) + cell;
    assert.ok(end <= sheet.side + 1e-9 && end > sheet.side - sheet.n, JSON.stringify(sheet));
  }
});

test("every pixel of a cell belongs to it, at every zoom", () => {
  for (const sheet of SHEETS) {
    for (let cell = fittingCell(sheet), next; ; cell = next) {
      const { x } = clamped(sheet, { cell, x: 0.37 * sheet.n * cell, y: 0 });
      for (let position = 0; position < sheet.n; position += 7) {
        const start = pixelOf(sheet, cell, x, position);
        if (position >= sheet.nBefore && start < patchesAt(sheet, cell)) continue;
        for (const inside of [0.01, 0.5, 0.99]) assert.equal(positionAt(sheet, cell, x, start + inside * cell), position);
      }
      next = nextCell(sheet, cell, 1);
      if (next === cell) break;
    }
  }
});

test("beyond the last token there is none", () => {
  const sheet = { n: 50, nBefore: 1, side: 500 };
  assert.equal(positionAt(sheet, 8, 0, 450), null);
  assert.equal(positionAt(sheet, 8, 0, -1), null);
});

test("zooming keeps what lies under the pointer", () => {
  for (const sheet of SHEETS) {
    let view = wholeView(sheet);
    const point = { x: 0.6 * sheet.side, y: 0.45 * sheet.side };
    const before = [positionAt(sheet, view.cell, view.x, point.x), positionAt(sheet, view.cell, view.y, point.y)];
    for (let i = 0; i < 4; i++) view = zoomed(sheet, view, nextCell(sheet, view.cell, 1), point);
    const after = [positionAt(sheet, view.cell, view.x, point.x), positionAt(sheet, view.cell, view.y, point.y)];
    after.forEach((position, i) => assert.ok(Math.abs(position - before[i]) <= 1, JSON.stringify({ sheet, before, after })));
  }
});

test("zooming out ends where it began", () => {
  const sheet = SHEETS[2];
  let view = wholeView(sheet);
  for (let i = 0; i < 20; i++) view = zoomed(sheet, view, nextCell(sheet, view.cell, 1), { x: 100, y: 500 });
  assert.equal(view.cell, 32);
  for (let i = 0; i < 20; i++) view = zoomed(sheet, view, nextCell(sheet, view.cell, -1), { x: 300, y: 20 });
  assert.deepEqual(view, wholeView(sheet));
});

test("patches cannot be moved out of the window", () => {
  const sheet = SHEETS[3];
  const most = (sheet.n - 5) * 8 - (sheet.side - patchesAt(sheet, 8));
  assert.deepEqual(clamped(sheet, { cell: 8, x: -50, y: 1e6 }), { cell: 8, x: 0, y: most });
  assert.deepEqual(clamped(sheet, { cell: 2, x: 90, y: 90 }), { cell: 2, x: 0, y: 0 });
});

test("the keyboard's cell is brought into sight, and prefix tokens always are", () => {
  const sheet = SHEETS[2];
  const view = revealing(sheet, { cell: 16, x: 0, y: 0 }, 570, 300);
  for (const [moved, position] of [[view.x, 300], [view.y, 570]]) {
    const start = pixelOf(sheet, 16, moved, position);
    assert.ok(start >= patchesAt(sheet, 16) && start + 16 <= sheet.side);
  }
  assert.deepEqual(revealing(sheet, view, 0, 0), view);
});
