import assert from "node:assert/strict";
import { test } from "node:test";
import { orderOf } from "../attention_maps/order.js";
import { otherToken, pinnedBy, turned } from "../attention_maps/pins.js";

const to = (token, key) => ({ direction: "to", token, key });
const from = (token, key) => ({ direction: "from", token, key });

test("pointing looks at a query first, and at its keys once it is pinned", () => {
  assert.deepEqual(otherToken(4, to(null, null)), { query: 4, key: null });
  assert.deepEqual(otherToken(4, to(9, null)), { query: null, key: 4 });
  assert.deepEqual(otherToken(4, from(null, null)), { query: null, key: 4 });
  assert.deepEqual(otherToken(4, from(null, 9)), { query: 4, key: null });
});

test("clicks pin the query, then a key; the same again lets go", () => {
  assert.deepEqual(pinnedBy(4, to(null, null)), { token: 4, key: null });
  assert.deepEqual(pinnedBy(7, to(4, null)), { token: 4, key: 7 });
  assert.deepEqual(pinnedBy(8, to(4, 7)), { token: 4, key: 8 });
  assert.deepEqual(pinnedBy(7, to(4, 7)), { token: 4, key: null });
  assert.deepEqual(pinnedBy(4, to(4, 7)), { token: null, key: null });
  assert.deepEqual(pinnedBy(4, from(null, null)), { token: null, key: 4 });
  assert.deepEqual(pinnedBy(7, from(null, 4)), { token: 7, key: 4 });
});

test("a patch that attends to itself can be pinned as both", () => {
  assert.deepEqual(pinnedBy(4, to(4, 4)), { token: 4, key: null });
});

test("the other direction looks at the one pinned patch from the other side", () => {
  assert.deepEqual(turned({ direction: "from" }, to(4, null)), { token: null, key: 4 });
  assert.deepEqual(turned({ direction: "from" }, to(4, 7)), {});
  assert.deepEqual(turned({ direction: "to" }, to(4, null)), {});
  assert.deepEqual(turned({ scale: "log" }, to(4, null)), {});
});

test("heads are sorted by a statistic; those without a number come last, ties keep their order", () => {
  const meta = { n_layers: 2, n_heads: 3 };
  const statistics = [{ name: "entropy", values: Float32Array.of(2, NaN, 3, 1, 3, 2) }];
  assert.deepEqual(orderOf({ sort: "layer", order: "descending" }, statistics, meta), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(orderOf({ sort: "entropy", order: "descending" }, statistics, meta), [2, 4, 0, 5, 3, 1]);
  assert.deepEqual(orderOf({ sort: "entropy", order: "ascending" }, statistics, meta), [3, 0, 5, 2, 4, 1]);
  assert.deepEqual(orderOf({ sort: "gone", order: "ascending" }, statistics, meta), [0, 1, 2, 3, 4, 5]);
});
