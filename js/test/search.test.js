import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, search } from "../lib/search.js";

const names = ["wildcat", "cat", "tiger cat", "car", "Scat", "catamaran", "dog"];
const found = (query) => search(names, query).map((index) => names[index]);

test("equal comes before beginning, beginning before a word's start, that before anywhere", () => {
  assert.deepEqual(found("cat"), ["cat", "catamaran", "tiger cat", "wildcat", "Scat"]);
});

test("case and outer spaces do not count, and an empty query finds nothing", () => {
  assert.deepEqual(found(" CAR "), ["car"]);
  assert.deepEqual(found("  "), []);
});

test("a query is text and no pattern", () => {
  assert.deepEqual(found("c.t"), []);
  assert.deepEqual(search(["a(b", "ab"], "(b"), [0]);
});

test("the nearest names share most letter pairs, and a stranger has none", () => {
  assert.deepEqual(nearest(["dog", "cat", "boat", "catt"], "caat", 2).map((i) => ["dog", "cat", "boat", "catt"][i]), ["cat", "catt"]);
  assert.deepEqual(nearest(["dog", "cat"], "xyz"), []);
});
