import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutFor } from "../decoded_images/layout.js";
import { Made } from "../decoded_images/made.js";
import { quantile, rankAmong } from "../decoded_images/ranks.js";
import { Singles } from "../decoded_images/singles.js";
import { step } from "../decoded_images/steps.js";
import { placeOf, stepped, strengthAt } from "../decoded_images/strengths.js";
import { timeLeft } from "../decoded_images/time_left.js";

const META = { n_layers: 3, n_heads: 2, seeds: [0, 5], state_names: ["0_pre", "1_pre", "2_pre", "final"], rows: 2, cols: 3, state_size: [2, 3], head_size: [2, 3] };

test("the table is as wide as its window, in the cells of the drawings", () => {
  assert.equal(layoutFor(1200, 7, [56, 56]).cell.width, 86);
  assert.equal(layoutFor(700, 7, [56, 56]).cell.width, 75);
  assert.equal(layoutFor(1200, 13, [56, 56]).cell.width, 46);
  for (const width of [400, 700, 880, 1000, 1400, 2400]) {
    for (const [states, size] of [[7, [56, 56]], [13, [112, 84]], [5, [14, 28]]]) {
      const { total, table, cell, mode } = layoutFor(width, states, size);
      assert.ok(total <= table || cell.width === 28);
      assert.ok(table <= width - 32);
      assert.ok(Math.abs(cell.height / cell.width - size[0] / size[1]) < 0.05);
      assert.equal(mode === "columns", width >= 1000);
    }
  }
});

test("many states stand under the window's full width before the table is moved under it", () => {
  const wide = layoutFor(1000, 25, [28, 28]);
  assert.equal(wide.mode, "stack");
  assert.ok(wide.total <= wide.table);
  assert.ok(layoutFor(700, 25, [28, 28]).total > 668);
});

test("places on the slider lead back to their strengths", () => {
  for (const strength of [1, 2, 4, 8, 16, "alone"]) assert.equal(strengthAt(placeOf(strength)), strength);
  assert.equal(placeOf(0), 0);
  assert.equal(placeOf(300), 4);
  const ticks = [1, 2, 4, 8, 16, "alone"];
  assert.deepEqual([1, 5, 16, "alone"].map((one) => stepped(one, 1, ticks)), [2, 8, "alone", "alone"]);
  assert.deepEqual([1, 5, 16, "alone"].map((one) => stepped(one, -1, ticks)), [1, 4, 8, 16]);
});

test("ranks and quantiles are those of what is known", () => {
  assert.equal(rankAmong([0.2, NaN, 0.9, 0.5], 3), "2 of 3");
  assert.equal(rankAmong([0.2, NaN, 0.9], 1), "");
  assert.equal(rankAmong([], -1), "");
  assert.ok(Math.abs(quantile([4, 1, 3, 2], 0.05) - 1.15) < 1e-12);
});

test("arrows lead from states to heads and back, also in another order", () => {
  const state = (layer, seed) => ({ layer, column: -1, seed });
  const head = (layer, column) => ({ layer, column, seed: 0 });
  assert.deepEqual(step("ArrowRight", state(3, 1), META, [], 7), state(3, 1));
  assert.deepEqual(step("ArrowDown", state(3, 0), META, [], 7), state(3, 1));
  assert.deepEqual(step("ArrowDown", state(3, 1), META, [], 7), head(2, 0));
  assert.deepEqual(step("ArrowUp", head(1, 0), META, [], 7), state(1, 1));
  assert.deepEqual(step("ArrowDown", head(1, 1), META, [], 7), head(1, 2));
  assert.deepEqual(step("End", head(0, 2), META, [], 7), head(2, 2));
  const order = [head(1, 1), head(0, 0), head(2, 1), head(0, 1)];
  assert.deepEqual(step("ArrowDown", head(1, 1), META, order, 2), head(2, 1));
  assert.deepEqual(step("ArrowUp", head(0, 0), META, order, 2), state(0, 1));
  assert.deepEqual(step("ArrowDown", state(0, 1), META, order, 2), head(1, 1));
  assert.equal(step("a", head(0, 0), META, [], 7), null);
  assert.deepEqual(step("ArrowDown", state(1, 1), { ...META, n_heads: 0 }, [], 7), state(1, 1));
});

test("heads without a number come last, in their turn", () => {
  const numbers = new Float32Array(9 * 4).fill(NaN);
  [0.3, 0.7, 0.5].forEach((value, i) => (numbers[[0, 4, 8][i] * 4] = value)); // L0 H0, L1 H1, L2 MLP
  const bytes = new Uint8Array(0);
  const floats = new Float32Array(0);
  const sent = { states: bytes, stateNumbers: floats, others: floats, attention: bytes, attentionTop: floats, effects: new Float32Array([0.1, 0.5, 0.2, 0.4, 0, 0.3]), order: [1, 4, 7, 3, 0, 6, 2, 5, 8], heads: new Uint8Array(9 * 18), headNumbers: numbers, random: floats, told: {}, words: {}, names: {}, left: 3 };
  const made = new Made(META, sent, null);
  const names = (places) => places.map(({ layer, column }) => `${layer}${column}`);
  assert.deepEqual(names(made.ordered("similarity")).slice(0, 3), ["11", "22", "00"]);
  assert.deepEqual(names(made.ordered("ablation")), ["01", "11", "21", "10", "00", "20", "02", "12", "22"]);
  assert.equal(made.rank(made.similarities, { layer: 1, column: 1 }), "1 of 2");
  assert.equal(made.turn({ layer: 2, column: 1 }), 3);
  assert.equal(made.picture({ layer: 0, column: 1 }), null);
  assert.equal(made.picture({ layer: 1, column: 1 }).rgb.byteOffset, 4 * 18);
});

test("what is wanted last is asked for first, one at a time, and what is wanted no longer is not", async () => {
  const asked = [];
  let answer = () => {};
  const ask = (_name, what) => {
    asked.push(what.layer);
    return new Promise((resolve) => (answer = () => resolve([{ similarity: 0.5, named: null }, [new DataView(new ArrayBuffer(3))]])));
  };
  const one = (layer) => ({ image: 0, kind: "own", layer, column: 0, seed: 0, strength: 8 });
  const singles = new Singles(ask, new Map(), [1, 1], () => {}, () => {});
  singles.want([one(0), one(1)]);
  assert.deepEqual(asked, []); // the reader may still move
  await new Promise((go) => setTimeout(go, 170));
  assert.deepEqual(asked, [0]);
  singles.want([one(2)]);
  await new Promise((go) => setTimeout(go, 170));
  assert.deepEqual(asked, [0]);
  answer();
  await new Promise((go) => setTimeout(go, 5));
  assert.deepEqual(asked, [0, 2]);
  assert.equal(singles.get(one(0)).similarity, 0.5);
  singles.stop();
  answer();
});

test("how long it takes is told where it is long", () => {
  const now = performance.now;
  let time = 0;
  performance.now = () => time;
  const words = timeLeft();
  assert.equal(words(100, false, "w"), "w");
  time = 30_000;
  assert.equal(words(97, false, "w"), "w, about 16 min left");
  assert.equal(words(97, true, "w"), "w");
  time = 31_000;
  assert.equal(words(96, false, "w"), "w");
  performance.now = now;
});
