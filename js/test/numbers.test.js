import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, decimal, endOfProbabilities, ordinal, probability, wordOf } from "../lib/numbers.js";

test("of a sigmoid it is said that it is one", () => {
  assert.deepEqual(["softmax", "sigmoid"].map(wordOf), ["probability", "probability (sigmoid)"]);
});

test("a small probability keeps two digits that count", () => {
  assert.equal(probability(0.0034), "0.0034");
  assert.equal(probability(0.004), "0.0040");
  assert.equal(probability(0.00049, 3), "0.00049");
  assert.equal(probability(0.0000341, 3), "3.4e-05");
  assert.equal(probability(0.00009999), "0.00010");
  assert.equal(probability(1.234e-12), "1.2e-12");
  assert.equal(probability(0.00999, 3), "0.010");
  assert.equal(probability(0.01), "0.01");
  assert.equal(probability(0), "0");
  assert.equal(probability(1), "1.00");
  assert.equal(probability(0.7474, 3), "0.747");
  assert.equal(probability(NaN), "NaN");
});

test("decimals keep their sign, say infinity, and never show a small number as zero", () => {
  assert.equal(decimal(2.456), "2.46");
  assert.equal(decimal(-2.456), "−2.46");
  assert.equal(decimal(0), "0");
  assert.equal(decimal(0.001), "0.0010");
  assert.equal(decimal(-0.001), "−0.0010");
  assert.equal(decimal(-4.56e-7), "−4.6e-07");
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

test("a scale of small probabilities ends at a round number above the largest", () => {
  const ends = [0, NaN, 1, 0.51, 0.5, 0.2, 0.21, 0.0031, 0.001, 6.1e-6].map(endOfProbabilities);
  assert.deepEqual(ends, [1, 1, 1, 1, 0.5, 0.2, 0.5, 0.005, 0.001, 0.00001]);
});
