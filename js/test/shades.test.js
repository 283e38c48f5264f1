import assert from "node:assert/strict";
import { test } from "node:test";
import { magma } from "../lib/colormaps.js";
import { MINUS_INFINITY, NOT_A_NUMBER, lowestShown, overlay, palette, pixelsOf, scaleOf, valueOf } from "../attention_maps/shades.js";

globalThis.ImageData ??= class {
  constructor(width, height) {
    Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
  }
};
const RANGE = { lo: 0, hi: 0.8, top: 0.3 };

test("codes are read as fourth powers in patterns, linearly in scores", () => {
  assert.equal(valueOf(253, RANGE, "pattern"), 0.8);
  assert.equal(valueOf(0, RANGE, "pattern"), 0);
  assert.ok(Math.abs(valueOf(126.5, RANGE, "pattern") - 0.05) < 1e-12);
  assert.deepEqual([0, 253].map((code) => valueOf(code, { lo: -3, hi: 5, top: 5 }, "scores")), [-3, 5]);
});

test("one byte a weight is within two shades of the exact colour on every scale", () => {
  for (const name of ["log", "sqrt", "linear"]) {
    const scale = scaleOf("pattern", name, RANGE, [], 50);
    for (let value = 0.0005; value < RANGE.hi; value *= 1.07) {
      const code = Math.round(253 * (value / RANGE.hi) ** 0.25);
      const off = 255 * Math.abs(scale.place(value) - scale.place(valueOf(code, RANGE, "pattern")));
      assert.ok(off <= 2, `${name} ${value}: ${off} shades`);
    }
  }
});

test("a linear scale ends at its top and says so when there is more", () => {
  const { place, ticks } = scaleOf("pattern", "linear", RANGE, [], 50);
  assert.deepEqual([0, 0.15, 0.3, 0.5].map(place), [0, 0.5, 1, 1]);
  assert.deepEqual(ticks.map(({ text }) => text), ["0", "0.1", "0.2", "≥ 0.3"]);
  assert.equal(scaleOf("pattern", "linear", { lo: 0, hi: 0.3, top: 0.3 }, [], 50).ticks.at(-1).text, "0.3");
});

test("a log scale runs from a twentieth of uniform attention to twenty times as much, or to the largest weight", () => {
  const flat = scaleOf("pattern", "log", { lo: 0, hi: 0.0021, top: 0.002 }, [], 577);
  assert.ok(Math.abs(flat.place(1 / 577) - 0.5) < 0.05);
  assert.equal(flat.ticks.at(-1).text, "0.03");
  assert.deepEqual([17, 50, 197, 577].map(lowestShown), [0.001, 0.001, 0.0001, 0.0001]);
  const { place, ticks } = scaleOf("pattern", "log", { lo: 0, hi: 1, top: 1 }, [], 50);
  assert.deepEqual([0, 0.001, 1].map(place), [0, 0, 1]);
  assert.ok(Math.abs(place(0.01) - 1 / 3) < 1e-12);
  assert.deepEqual(ticks.map(({ text }) => text), ["≤ 0.001", "0.01", "0.1", "1"]);
});

test("maps on one scale share the largest of their tops", () => {
  const shared = [RANGE, { lo: 0, hi: 0.9, top: 0.6 }];
  assert.equal(scaleOf("pattern", "linear", RANGE, shared, 50).place(0.3), 0.5);
  assert.equal(scaleOf("pattern", "sqrt", RANGE, shared, 50).place(0.15), 0.5);
});

test("scores are symmetric about 0, whatever scale is chosen", () => {
  for (const name of ["log", "sqrt", "linear"]) {
    const { place, ticks } = scaleOf("scores", name, { lo: -2, hi: 4, top: 4 }, [], 50);
    assert.deepEqual([-4, -2, 0, 4].map(place), [0, 0.25, 0.5, 1]);
    assert.deepEqual([ticks[0].text, ticks.at(-1).text], ["−4.00", "4.00"]);
  }
});

test("a map of nothing but zeros, or of nothing at all, divides by nothing", () => {
  for (const name of ["log", "sqrt", "linear"]) {
    for (const kind of ["pattern", "scores"]) {
      const scale = scaleOf(kind, name, { lo: 0, hi: 0, top: 0 }, [], 50);
      assert.ok(scale.place(0) >= 0 && scale.place(0) <= 1, `${kind} ${name}`);
      assert.ok(scale.ticks.every(({ at, text }) => at >= 0 && at <= 1 && !text.includes("NaN")), `${kind} ${name}`);
    }
  }
});

test("each code has its colour, and what is no number is striped", () => {
  const scale = scaleOf("pattern", "linear", { lo: 0, hi: 1, top: 1 }, [], 50);
  const colors = palette(scale, { lo: 0, hi: 1, top: 1 }, "pattern");
  const { data } = pixelsOf(Uint8Array.of(0, 253, MINUS_INFINITY, NOT_A_NUMBER), 2, colors);
  assert.deepEqual([...data.slice(0, 8)], [...magma.slice(0, 3), 255, ...magma.slice(765), 255]);
  assert.deepEqual([...data.slice(8, 11)], [156, 156, 156]);
  const [red, green] = data.slice(12, 14);
  assert.ok(red > green + 60);
  const line = pixelsOf(new Uint8Array(64).fill(MINUS_INFINITY), 8, colors).data;
  assert.deepEqual([0, 1, 2, 3, 4].map((x) => line[4 * x]), [156, 156, 208, 208, 156]);
});

test("laid over the image, each code has its colour and shows as much of the image as its scale says", () => {
  for (const [kind, name] of [["pattern", "log"], ["scores", "linear"]]) {
    const scale = scaleOf(kind, name, RANGE, [], 50);
    const colors = palette(scale, RANGE, kind);
    const bytes = new Uint8Array(overlay(colors, scale, RANGE, kind).buffer);
    for (const code of [0, 7, 130, 253]) {
      const opaque = [...new Uint8Array(colors.buffer).slice(4 * code, 4 * code + 3)];
      const opacity = Math.round(255 * scale.opacity(scale.place(valueOf(code, RANGE, kind))));
      assert.deepEqual([...bytes.slice(4 * code, 4 * code + 4)], [...opaque, opacity]);
    }
    assert.deepEqual([...bytes.slice(4 * MINUS_INFINITY)], [156, 156, 156, 217, 179, 38, 30, 217]);
  }
});
