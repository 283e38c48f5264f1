import assert from "node:assert/strict";
import { test } from "node:test";
import { Effects, shareOf } from "../causes/effects.js";
import { layoutFor } from "../causes/layout.js";
import { flipped, isSame, ofTokens, placeOf, rectangle, toggled, without } from "../causes/places.js";
import { rowTops } from "../causes/part_map.js";
import { inkOn, partTicks, placeOn, share } from "../causes/shades.js";
import { Pair } from "../causes/pair.js";
import { noGap } from "../causes/words.js";

const OF = { target: 0, against: 1, image: 0, direction: "noising", values: "output", has_gap: true };
const SIZES = { nLayers: 2, nRows: 3, nHeads: 2, nTokens: 4, nBefore: 1 };

/** One number for each cell of each field. */
function numbers(count, metrics, estimates) {
  const all = new Float32Array(6 * count).fill(NaN);
  metrics.forEach((value, i) => (all[i] = value));
  estimates.forEach((value, i) => (all[5 * count + i] = value));
  return all;
}

test("a share is 0 at the run itself, 1 at the other, below 0 away from it, whichever is larger", () => {
  for (const ends of [{ base: 3, other: -6.5 }, { base: -6.5, other: 3 }]) {
    assert.equal(shareOf(ends, ends.base) + 0, 0);
    assert.equal(shareOf(ends, ends.other), 1);
    assert.ok(Math.abs(shareOf(ends, (ends.base + ends.other) / 2) - 0.5) < 1e-12);
    assert.ok(shareOf(ends, ends.base + (ends.base - ends.other) / 10) < 0);
  }
});

test("numbers are found by layer and row; what was not exchanged has an estimate alone", () => {
  const parts = numbers(6, [3, 2, NaN, 1, NaN, -1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
  const effects = new Effects(OF, { base: 3, other: -1 }, SIZES, parts, numbers(8, [], [9, 0.1]), numbers(2, [0], [0.7, 0.8]));
  assert.equal(effects.part(0, 1).share, 0.25);
  assert.ok(Number.isNaN(effects.part(0, 2).share));
  assert.ok(Math.abs(effects.part(0, 2).estimate - 0.3) < 1e-6);
  assert.equal(effects.part(1, 0).share, 0.5);
  assert.equal(effects.part(1, 2).share, 1);
  assert.equal(effects.group(0).share, 0.75);
  assert.deepEqual(effects.rank(1, 0), { rank: 1, of: 3 });
  assert.deepEqual(effects.rank(0, 1), { rank: 2, of: 3 });
  assert.equal(effects.partEnd, 1);
  assert.equal(effects.tokenEnd, 0.1, "of patches, and of estimates as long as nothing was exchanged");
});

test("the scale of parts is halved where no share is beyond a half; no gap has no share", () => {
  const few = numbers(6, [3, 2.9, 1.1], [2, 2, 2, 2, 2, 2]);
  const none = numbers(8, [], []);
  const effects = new Effects(OF, { base: 3, other: -1 }, SIZES, few, none, numbers(2, [], []));
  assert.equal(effects.partEnd, 0.5);
  assert.equal(effects.tokenEnd, 0.02);
  const same = new Effects({ ...OF, has_gap: false }, { base: 3, other: 3 }, SIZES, few, none, numbers(2, [], []));
  assert.ok(Number.isNaN(same.part(0, 0).share));
});

test("an end of the scale of parts has numbers beyond it, exchanged or estimated, or does not say so", () => {
  const texts = (metrics, estimates) => {
    const effects = new Effects(OF, { base: 1, other: 0 }, SIZES, numbers(6, metrics, estimates), numbers(8, [], []), numbers(2, [], []));
    const ticks = partTicks(effects.partEnd, effects.beyond);
    return [ticks[0]?.text, ticks.at(-1)?.text];
  };
  assert.deepEqual(texts([1.3, -1.6], []), ["−1", "≥ 1 all"]); // shares −0.30 and 2.60
  assert.deepEqual(texts([3, 0.5], []), ["≤ −1", "1 all"]);
  assert.deepEqual(texts([2, 0.5, -0.0049], []), ["−1", "1 all"], "what rounds to the end");
  assert.deepEqual(texts([0.8], [0.1, -0.7]), ["≤ −0.5", "0.5 half"], "an estimate has a square, too");
  assert.deepEqual(texts([0.8], [0.1, 0.7]), ["−0.5", "≥ 0.5 half"]);
});

test("the same answer is only said of the same; else how little the answers differ", () => {
  assert.equal(noGap({ base: 3, other: 3 }), "both images get the same answer");
  assert.equal(noGap({ base: 3, other: 3.06 }), "the answers differ too little (0.06)");
  assert.equal(noGap({ base: 2 + 1e-6, other: 2 }), "the answers differ too little (1.0e-06)");
});

test("places are told apart by what is exchanged", () => {
  const head = placeOf(1, 3, "pattern");
  assert.deepEqual(head, ["head", 3, 1, "pattern"]);
  assert.deepEqual(placeOf("mlp", 3, "q"), ["mlp", 3]);
  assert.deepEqual(placeOf("attention", 3, "q"), ["attention", 3, "q"]);
  assert.deepEqual(ofTokens(2, [9, 4]), ["tokens", 2, [4, 9]]);
  assert.ok(isSame(ofTokens(2, [9, 4]), ofTokens(2, [4, 9])));
  const list = toggled([head], ["mlp", 3]);
  assert.deepEqual(list, [head, ["mlp", 3]]);
  assert.deepEqual(toggled(list, ["head", 3, 1, "pattern"]), [["mlp", 3]]);
  assert.deepEqual(without(list, ["mlp", 4]), list);
});

test("a click covers one patch more, or one less, in their order", () => {
  assert.deepEqual(flipped([4, 9], 6), [4, 6, 9]);
  assert.deepEqual(flipped([4, 6, 9], 6), [4, 9]);
});

test("dragging takes the rectangle between two patches, in whichever direction", () => {
  const grid = { cols: 6, nPrefix: 5 };
  const wanted = [5 + 7, 5 + 8, 5 + 9, 5 + 13, 5 + 14, 5 + 15];
  for (const [from, to] of [[12, 20], [20, 12], [14, 18], [18, 14]]) assert.deepEqual(rectangle(from, to, grid), wanted);
  assert.deepEqual(rectangle(12, 12, grid), [12]);
});

test("probabilities are the model's own kind, and ends follow the direction", () => {
  const logits = Float32Array.of(1, 2, -1, 0.5, -3, 2);
  const pair = new Pair([1, 1], new Uint8Array(6), logits, "softmax");
  const sum = pair.probabilities[1].reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum - 1) < 1e-6);
  assert.deepEqual(pair.ends({ target: 1, against: 0, direction: "noising" }), { base: 1, other: -3.5 });
  assert.deepEqual(pair.ends({ target: 1, against: null, direction: "denoising" }), { base: -3, other: 2 });
  const yes = new Pair([1, 1], new Uint8Array(6), logits, "sigmoid");
  assert.ok(Math.abs(yes.probabilities[0][2] - 1 / (1 + Math.E)) < 1e-6);
});

test("shares are written so that what is small is not 0, and colours are symmetric about 0", () => {
  assert.deepEqual([0, 0.001, -0.001, 0.005, -0.1, 1.034, NaN].map(share), ["0", "<0.01", "<0.01", "0.01", "−0.10", "1.03", "–"]);
  assert.equal(placeOn(0, 1), 0.5);
  assert.equal(placeOn(-0.25, 0.5), 0.25);
  assert.equal(placeOn(7, 1), 1);
  const none = { below: false, above: false };
  assert.equal(partTicks(1, none)[2]?.text, partTicks(0.5, none)[2]?.text);
  assert.equal(inkOn([240, 240, 240]), "#1b1b1b");
  assert.equal(inkOn([40, 40, 40]), "#fff");
});

test("nothing is wider than the widget, and rows do not meet, at any width", () => {
  for (const width of [460, 700, 1000, 1200, 1400]) {
    for (const [nLayers, nHeads] of [[6, 3], [12, 12], [24, 16]]) {
      for (const [rows, cols] of [[7, 7], [14, 14], [10, 16], [37, 37]]) {
        const layout = layoutFor(width, { rows, cols, nLayers, nHeads });
        assert.ok(layout.cell * cols <= layout.left && layout.left <= width - 32, `${width} ${rows}`);
        const room = layout.mode === "middle" ? width - 32 - layout.left - 24 : width - 32; // beside the picture, or by itself
        assert.ok(layout.list <= room, `${width} ${rows}`);
        assert.ok(layout.columns.end <= layout.columns.width, `${width} ${nLayers}`);
        const tops = rowTops([...Array(nHeads).keys(), "mlp"], layout.row);
        tops.slice(1).forEach((top, i) => assert.ok(top >= tops[i] + layout.row.height));
        assert.ok(layout.row.square < layout.columns.cell && layout.row.square < layout.row.height);
      }
    }
  }
});
