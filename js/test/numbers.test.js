import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, decimal, ordinal, probability } from "../lib/numbers.js";

test("a probability is never written as 0.00", () => {
  assert.equal(probability(0.004), "<0.01");
  assert.equal(probability(0.00049, 3), "<0.001");
  assert.equal(probability(0.005), "0.01");
  assert.equal(probability(0), "0");
  assert.equal(probability(1), "1.00");
  assert.equal(probability(0.7474, 3), "0.747");
  assert.equal(probability(NaN), "NaN");
});

test("decimals keep their sign, say infinity, and never show a small number as zero", () => {
  assert.equal(decimal(2.456), "2.46");
  assert.equal(decimal(-2.456), "−2.46");
  assert.equal(decimal(0), "0");
  assert.equal(decimal(0.001), "<0.01");
  assert.equal(decimal(-0.001), ">−0.01");
  assert.equal(decimal(Infinity), "∞");
  assert.equal(decimal(-Infinity), "−∞");
  assert.equal(decimal(NaN), "NaN");
});

test("ordinals and plurals are English", () => {
  const all = [1, 2, 3, 4, 11, 12, 13, 21, 102].map(ordinal);
  assert.deepEqual(all, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd"]);
  assert.equal(counted(1, "patch", "patches"), "1 patch");
  assert.equal(counted(7, "patch", "patches"), "7 patches");
});
