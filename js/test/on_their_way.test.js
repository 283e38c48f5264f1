// A state whose numbers have not come yet: "…" stands alone, and no number that is none.
import assert from "node:assert/strict";
import { test } from "node:test";
import "./small_dom.js";
import { Reading } from "../patch_grid/reading.js";
import { readoutLine } from "../patch_grid/readout_line.js";
import { spoken } from "../patch_grid/words.js";

const READOUT = 7;

/** Three states of 2 x 3 patches after CLS, of which the last is here. @param {number[] | null} known */
function reading(known) {
  const [nStates, nClasses] = [3, 4];
  const count = nStates * (READOUT + 1);
  const numbers = (/** @type {number} */ here) =>
    Float32Array.from({ length: count }, (_, i) => (known && i % (READOUT + 1) !== READOUT && i < 2 * (READOUT + 1) ? NaN : here));
  return new Reading({
    meta: {
      model_name: "m", lens_name: "l", readout_name: "CLS", readout_token: 0, probabilities: "softmax",
      state_names: ["0_pre", "1_pre", "final"], prefix: ["CLS"], rows: 2, cols: 3, n_classes: nClasses,
      n_answers: 1, id_bytes: 2, height: 2, width: 3, image: 0, n_images: 1, caption: "",
    },
    labels: ["cat", "dog", "car", "background"], emoji: ["", "", "", ""], picture: new Uint8Array(18),
    topIndex: new Int16Array(count), topProbability: numbers(0.5), entropy: numbers(1), kl: numbers(0.25),
    logsumexp: numbers(2), logits: new Float32Array(0), known,
  });
}

/** @param {Reading} of @param {number} state @param {number} token */
function scene(of, state, token) {
  const logit = of.source.entropy;
  const columns = { of: 1, logit, rank: new Int32Array(logit.length).fill(2) };
  return { reading: of, state, token, passing: null, columns, target: of.label(1), tint: "probability", layout: { leftWidth: 500 } };
}

/** @param {ReturnType<typeof scene>} shown */
function lineOf(shown) {
  const part = readoutLine();
  part.update(/** @type {any} */ (shown));
  return part.node.textContent ?? "";
}

test("the line under the picture and what is spoken of a patch say … alone until its numbers are here", () => {
  const coming = reading([2]);
  assert.equal(lineOf(scene(coming, 1, 4)), "row 1, col 0…");
  assert.equal(spoken(/** @type {any} */ (scene(coming, 1, 4)), 4), "row 1, col 0: …");
  for (const [of, state, token] of /** @type {[Reading, number, number][]} */ ([[coming, 2, 4], [coming, 1, READOUT], [reading(null), 1, 4]])) {
    const words = lineOf(scene(of, state, token));
    assert.match(words, /cat0\.500targetdog0\.368rank 2entropy1\.00/);
    assert.ok(!words.includes("…") && !words.includes("NaN"));
  }
});
