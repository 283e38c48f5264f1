import assert from "node:assert/strict";
import { test } from "node:test";
import { asFloat32, asIds, asInt32 } from "../lib/bytes.js";
import { CLASS_COLORS } from "../lib/colormaps.js";
import { classCounts, classStyles } from "../patch_grid/classes.js";
import { Reading } from "../patch_grid/reading.js";
import { TINTS, isMissing, scaleOf } from "../patch_grid/tints.js";

/** Two states, 2 x 3 patches after CLS and one register, three classes; `tops` by state and patch. */
function reading(tops, overrides = {}) {
  const [nStates, rows, cols, nClasses] = [tops.length, 2, 3, 12];
  const columns = rows * cols + 3;
  const flat = tops.flatMap((state) => [0, 0, ...state, 0]);
  const count = nStates * columns;
  const logits = Float32Array.from({ length: count * nClasses }, (_, i) => Math.sin(i));
  return new Reading({
    meta: {
      model_name: "m", lens_name: "l", readout_name: "CLS", readout_token: 0, probabilities: "softmax",
      state_names: tops.map((_, k) => (k === nStates - 1 ? "final" : `${k}_pre`)),
      prefix: ["CLS", "register 1"], rows, cols, n_classes: nClasses, n_answers: 1, id_bytes: 2,
      height: 2, width: 3, image: 0, n_images: 1, caption: "",
    },
    labels: [...Array.from({ length: nClasses - 1 }, (_, i) => `thing ${i}`), "background"],
    emoji: Array(nClasses).fill(""),
    picture: new Uint8Array(18),
    topIndex: Int16Array.from(flat),
    topProbability: new Float32Array(count).fill(0.5),
    entropy: new Float32Array(count).fill(1),
    kl: Float32Array.from({ length: count }, (_, i) => i / 4),
    logsumexp: new Float32Array(count).fill(2),
    logits,
    ...overrides,
  });
}

test("bytes are read at any offset", () => {
  const buffer = new ArrayBuffer(11);
  new DataView(buffer).setFloat32(3, 1.5, true);
  new DataView(buffer).setInt32(7, -70000, true);
  assert.deepEqual([...asFloat32(new DataView(buffer, 3, 4))], [1.5]);
  assert.deepEqual([...asInt32(new DataView(buffer, 7, 4))], [-70000]);
  assert.equal(asIds(new DataView(buffer, 3, 4), 2).length, 2);
  assert.equal(asFloat32(undefined).length, 0);
});

test("tokens are described by their place in the patch grid, or by their prefix name", () => {
  const r = reading([[1, 1, 1, 1, 1, 1]]);
  assert.deepEqual(r.place(2 + 5), { row: 1, col: 2 });
  assert.equal(r.place(1), null);
  assert.deepEqual([0, 1, 4, 8].map((token) => r.describe(token)), ["CLS", "register 1", "row 0, col 2", "CLS readout"]);
});

test("a class's columns hold its logits, ranks counted from 1, in every state and token", () => {
  const r = reading([[1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]]);
  const { logit, rank } = r.columns(4);
  for (let at = 0; at < logit.length; at++) {
    const row = [...r.source.logits.slice(12 * at, 12 * at + 12)];
    assert.equal(logit[at], row[4]);
    assert.equal(rank[at], [...row].sort((a, b) => b - a).indexOf(row[4]) + 1);
  }
  assert.ok(Math.abs(r.probability(r.columns(4), 1, 3) - Math.exp(logit[9 + 3] - 2)) < 1e-6);
});

test("where each class is a yes or a no, probabilities are sigmoids and entropies go up to ln 2 each", () => {
  const { source } = reading([[1, 1, 1, 1, 1, 1]]);
  const r = new Reading({ ...source, meta: { ...source.meta, probabilities: "sigmoid" }, logsumexp: new Float32Array(0) });
  const logit = source.logits[12 * 3 + 4] ?? NaN;
  assert.ok(Math.abs(r.probability(r.columns(4), 0, 3) - 1 / (1 + Math.exp(-logit))) < 1e-6);
  const atReadout = source.logits[12 * r.readout + 4] ?? NaN;
  assert.ok(Math.abs((r.readoutProbability(0, 4) ?? NaN) - 1 / (1 + Math.exp(-atReadout))) < 1e-6);
  assert.ok(Math.abs(r.mostEntropy - 12 * Math.log(2)) < 1e-9);
});

test("class colours go by patches in the final state, then over all states, and stay", () => {
  const r = reading([[5, 5, 5, 5, 5, 3], [7, 7, 7, 3, 3, 11]]);
  const styles = classStyles(r);
  assert.deepEqual([7, 3, 5].map((index) => styles(index).color), CLASS_COLORS.slice(0, 3));
  assert.ok(styles(11).background);
  assert.deepEqual(classCounts(r, 1), [{ index: 7, count: 3 }, { index: 3, count: 2 }, { index: 11, count: 1 }]);
});

test("after seven classes the colours come again, hatched", () => {
  const styles = classStyles(reading([[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 0]]));
  const all = Array.from({ length: 11 }, (_, index) => styles(index));
  assert.equal(all.filter(({ hatched }) => hatched).length, 4);
  assert.equal(new Set(all.map(({ color, hatched }) => color + hatched)).size, 11);
});

test("twenty-one classes look different, also where no hatch is seen", () => {
  const ids = Array.from({ length: 24 }, (_, index) => index);
  const tops = [0, 6, 12, 18].map((start) => ids.slice(start, start + 6));
  const styles = classStyles(reading([...tops].reverse(), { labels: ids.map((id) => `thing ${id}`) }));
  const looks = ids.map((index) => styles(index)).map(({ color, hatched }) => color + hatched);
  assert.equal(new Set(looks.slice(0, 21)).size, 21);
  assert.deepEqual(new Set(looks.slice(21)), new Set(["#999999false"]));
});

test("every scale puts its ticks where it puts their values, and lets NaN through", () => {
  const r = reading([[1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]]);
  const columns = r.columns(4);
  for (const [name] of TINTS) {
    const scale = scaleOf(name, r, columns);
    if (name === "class" || name === "none") assert.equal(scale, null);
    else {
      assert.ok(scale.ticks.length >= 3 && scale.ticks.at(-1).at === 1, name);
      assert.ok(Number.isNaN(scale.place(NaN)), name);
      for (let token = 0; token < r.nTokens; token++) {
        const place = scale.place(scale.value(1, token));
        assert.ok(place >= 0 && place <= 1, `${name} ${place}`);
      }
    }
  }
});

test("rank 1 is bright, the last rank dark, and logits lie about zero", () => {
  const r = reading([[1, 1, 1, 1, 1, 1]]);
  const rank = scaleOf("rank", r, r.columns(0));
  assert.deepEqual([rank.place(1), rank.place(12)], [1, 0]);
  const logit = scaleOf("logit", r, r.columns(0));
  assert.equal(logit.place(0), 0.5);
  assert.equal(logit.strength(0.5), 0);
});

test("a token without numbers is missing, whatever is shown", () => {
  const topProbability = new Float32Array(9).fill(0.5);
  topProbability[3] = NaN;
  const r = reading([[1, 1, 1, 1, 1, 1]], { topProbability });
  assert.ok(isMissing({ reading: r, scale: null }, 0, 3));
  assert.ok(!isMissing({ reading: r, scale: null }, 0, 4));
  assert.deepEqual(classCounts(r, 0), [{ index: 1, count: 5 }]);
});
