import assert from "node:assert/strict";
import { test } from "node:test";
import { backgroundOf, styleOf } from "../patch_features/class_colors.js";
import { placeFlags } from "../patch_features/flag_places.js";
import { Groups } from "../patch_features/groups.js";
import { filmFor, layoutFor } from "../patch_features/layout.js";
import { componentColor } from "../patch_features/oklab.js";
import { overlaps, placeNames, regionsOf } from "../patch_features/regions.js";
import { Similar } from "../patch_features/similar.js";
import { Taught } from "../patch_features/taught.js";

test("the middle of all components is a grey, the first one alone lightness", () => {
  const grey = componentColor(0, 0, 0);
  assert.ok(Math.max(...grey) - Math.min(...grey) <= 1);
  assert.ok(componentColor(1, 0, 0)[0] > grey[0] && componentColor(-1, 0, 0)[0] < grey[0]);
});

test("the second runs from blue to yellow, the third from green to red", () => {
  const [blue, yellow] = [componentColor(0, -1, 0), componentColor(0, 1, 0)];
  assert.ok(blue[2] > blue[0] && yellow[0] > yellow[2]);
  const [green, red] = [componentColor(0, 0, -1), componentColor(0, 0, 1)];
  assert.ok(green[1] > green[0] && red[0] > red[1]);
});

test("no colour leaves sRGB", () => {
  for (let i = 0; i < 27; i++) {
    const at = [i % 3, Math.floor(i / 3) % 3, Math.floor(i / 9)].map((one) => one - 1);
    for (const one of componentColor(at[0], at[1], at[2])) assert.ok(one >= 0 && one <= 255 && Number.isInteger(one));
  }
});

const FEET = Array.from({ length: 12 }, (_, i) => ({ x: 8 + 60 * (i % 4), y: 6 + 34 * Math.floor(i / 4), number: i + 5 }));

test("flags stay in the picture and cover neither each other nor a clicked patch", () => {
  const size = { width: 200, height: 100 };
  const flags = placeFlags(FEET, size);
  for (const [i, { pennant }] of flags.entries()) {
    assert.ok(pennant.left >= 0 && pennant.top >= 0 && pennant.right <= size.width && pennant.bottom <= size.height);
    for (const other of flags.slice(i + 1)) assert.ok(!overlaps(pennant, other.pennant));
  }
  assert.equal(flags[0].pennant.right - flags[0].pennant.left, 13);
  assert.equal(flags[8].pennant.right - flags[8].pennant.left, 17);
});

test("a flag in the upper right corner hangs below and to the left", () => {
  const [{ pennant }] = placeFlags([{ x: 97, y: 4, number: 1 }], { width: 100, height: 100 });
  assert.ok(pennant.right <= 97 && pennant.top > 4);
});

// 0 0 0 0 1 1
// 0 0 0 0 1 1
// 0 0 0 0 2 1
const MAP = [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 2, 1];
const GRID = { rows: 3, cols: 6 };

test("regions are the connected patches of a class, the largest first", () => {
  const found = regionsOf(MAP, GRID);
  assert.deepEqual(found.map(({ index, patches }) => [index, patches.length]), [[0, 12], [1, 5], [2, 1]]);
  assert.equal(found[0].depth.get(7), 2);
  assert.equal(found[0].depth.get(0), 1);
});

test("a name stands inside its region, shorter where it must, or not at all", () => {
  const sizes = () => [{ width: 3, height: 1 }, { width: 1, height: 1 }];
  const placed = placeNames(MAP, GRID, 2, sizes, []);
  assert.deepEqual(placed.map(({ index, form }) => [index, form]), [[0, 0], [1, 1]]);
  assert.ok(placed[0].x >= 1.5 && placed[0].x <= 2.5);
  const flagged = placeNames(MAP, GRID, 2, sizes, [{ left: 0, top: 0, right: 4, bottom: 3 }]);
  assert.deepEqual(flagged.map(({ index }) => index), [1]);
});

test("the sixth name covers no earlier one", () => {
  const placed = placeNames(new Array(64).fill(0).map((_, i) => Math.floor(i / 32)), { rows: 8, cols: 8 }, 2, () => [{ width: 5, height: 1 }], []);
  assert.equal(placed.length, 2);
});

for (const [grid, states] of /** @type {const} */ ([[{ rows: 32, cols: 32 }, 13], [{ rows: 37, cols: 37 }, 25], [{ rows: 12, cols: 3 }, 7], [{ rows: 6, cols: 20 }, 13], [{ rows: 14, cols: 14 }, 49]])) {
  test(`the film of ${grid.rows} x ${grid.cols} patches and ${states} states fits and can be read`, () => {
    for (const content of [268, 428, 668, 968, 1168, 1368]) {
      const { width, height, perRow, lines, pitch, left, cell } = filmFor(content, states, grid);
      assert.ok(left + (perRow - 1) * pitch + width <= content);
      assert.ok(perRow * lines >= states && width <= pitch);
      assert.ok(Math.max(width, height) >= 52, `${Math.max(width, height)} at ${content}`);
      assert.equal(width, cell * grid.cols);
    }
  });
}

test("the target's sizes at 1200 px: 448 px pictures, panels of 64 at a pitch of 84", () => {
  const look = layoutFor("look", 1200, { rows: 32, cols: 32 }, 13);
  assert.deepEqual([look.cell, look.column, look.film.width, look.film.pitch, look.film.left], [14, 448, 64, 84, 76]);
  const teach = layoutFor("teach", 1200, { rows: 32, cols: 32 }, 13);
  assert.deepEqual([teach.cell, teach.image.width], [14, 256]);
});

const SIZES = { nStates: 1, nImages: 1, nPatches: 4, nPrefix: 1 };

test("similarity: the best is another patch than the pinned one, ranks count from it", () => {
  const similar = new Similar(SIZES, Int16Array.of(32767, -16000, 20000, -32768), Int16Array.of(0), { image: 0, token: 1 });
  assert.deepEqual(similar.best(0, 0), { token: 3, cosine: 20000 / 32767 });
  assert.equal(similar.rank(0, 0, 3), 2);
  assert.ok(Number.isNaN(similar.cosine(0, 0, 4)));
  assert.deepEqual(similar.histogram(0, 0, 4), [0, 1, 0, 2]);
});

test("agreement counts only what can be left out", () => {
  const classes = [{ name: "a", emoji: "", slot: 1, examples: [[0, 1], [0, 2]] }, { name: "b", emoji: "", slot: 0, examples: [[0, 3]] }];
  const sent = { map: Int16Array.of(0, 0, 1, -1), certainty: new Uint16Array(4), held: Int16Array.of(0, 1, -1, 0, 0, -1) };
  const taught = new Taught(SIZES, { classes, can_undo: true, can_redo: false, python: "" }, sent);
  assert.deepEqual(taught.agreement("state", 0), { right: 1, of: 2 });
  assert.deepEqual(taught.agreement("final", 0), { right: 2, of: 2 });
  assert.deepEqual(taught.counts(0, 0), [2, 1]);
  assert.deepEqual([taught.slot(0), taught.exampleAt(0, 3)?.number, taught.exampleAt(1, 3)], [1, 3, null]);
});

test("colours come again hatched from the eighth class on", () => {
  assert.equal(styleOf(7).css, styleOf(0).css);
  assert.deepEqual([styleOf(6).hatched, styleOf(7).hatched], [false, true]);
  assert.match(backgroundOf(7), /gradient/);
});

test("groups are counted in an image, compared with the final state, and none where a patch was dropped", () => {
  // Two states of two images of four patches.
  const codes = Uint8Array.of(0, 2, 2, 255, 1, 1, 1, 0, 2, 2, 0, 255, 0, 0, 1, 1);
  const groups = new Groups({ nStates: 2, nImages: 2, nPatches: 4 }, [3, 7, "image"], codes);
  assert.deepEqual([groups.counts(0, 0), groups.counts(0, 1), groups.counts(1, 0)], [[1, 0, 2], [1, 3, 0], [1, 0, 2]]);
  assert.deepEqual([0, 3, -1].map((patch) => groups.group(0, 0, patch)), [0, -1, -1]);
  assert.deepEqual([groups.asFinal(0, 0), groups.asFinal(0, 1), groups.asFinal(1, 0)], [1 / 3, 1 / 4, 1]);
  assert.ok(groups.areOf({ n_groups: 3, seed: 7, basis: "image" }) && !groups.areOf({ n_groups: 3, seed: 7, basis: "batch" }));
});
