// What the readout adds up: where points and bars stand, sums and steps, keys and pointer.
import assert from "node:assert/strict";
import { test } from "node:test";
import "./small_dom.js";
import { attributionView, said } from "../causes/attribution.js";
import { columnsFor } from "../causes/columns.js";
import { barAt, biasStep, difference, layerOf, partOf, pointX, stepAt, stepsOf } from "../causes/half_blocks.js";

const DEPTHS = [6, 12, 24];
const WIDTHS = [428, 668, 818, 1018];
const everywhere = (check) => DEPTHS.forEach((depth) => WIDTHS.forEach((width) => check(columnsFor(width, depth), depth)));

test("a step belongs to the half of a block; the ends to none", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((step) => layerOf(step, 2)), [null, 0, 0, 1, 1, null]);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((step) => partOf(step, 2)), ["embedding", "L0 attention", "L0 MLP", "L1 attention", "L1 MLP", "biases"]);
});

test("points stand at edges and middles of the columns, bars between them, and the pointer finds them", () => {
  everywhere((columns, depth) => {
    const last = biasStep(depth);
    assert.equal(pointX(0, columns), columns.start);
    assert.equal(pointX(1, columns), columns.center(0));
    assert.equal(pointX(2 * depth, columns), columns.end);
    assert.ok(pointX(last, columns) > columns.end && pointX(last, columns) < columns.width);
    for (let step = 0; step <= last; step++) assert.equal(stepAt(pointX(step, columns), columns), step);
    assert.deepEqual([stepAt(-50, columns), stepAt(5000, columns)], [0, last]);
    for (let step = 1; step <= 2 * depth; step++) {
      const { x, width } = barAt(step, columns);
      assert.ok(x >= pointX(step - 1, columns) && x + width <= pointX(step, columns));
    }
    assert.ok(barAt(0, columns).x >= 34 && barAt(0, columns).x + barAt(0, columns).width < columns.start);
  });
});

test("steps sum to the last sum, of the difference and of a target alone", () => {
  const [target, against] = [[0.5, 2, -1, 4], [1, 1, 1.5, 0]];
  assert.deepEqual(stepsOf(difference(target, against)), [-0.5, 1.5, -3.5, 6.5]);
  assert.deepEqual(stepsOf(difference(target, undefined)), [0.5, 1.5, -3, 5]);
  assert.equal(stepsOf(difference(target, against)).reduce((sum, step) => sum + step), 4);
});

const label = (name) => ({ index: 0, name, brief: name, emoji: "" });
const shownFor = (depth, extra = {}) => {
  const logits = (by) => Array.from({ length: 2 * depth + 2 }, (_, step) => by * step - 1);
  return {
    columns: columnsFor(818, depth),
    target: { label: label("cat"), color: "#009E73", logits: logits(0.5) },
    against: { label: label("dog"), color: "#CC79A7", logits: logits(0.25) },
    readout: "CLS",
    layer: 1,
    passing: null,
    pinned: null,
    ...extra,
  };
};

test("two curves, a bar for each step, the model's logits at the ends, the chosen layer's band", () => {
  for (const depth of DEPTHS) {
    const view = attributionView({ passStep: () => {}, pinStep: () => {} });
    view.show(shownFor(depth));
    assert.equal(view.node.all("vl-sum").length, 2);
    assert.equal(view.node.all("vl-dot").length, 2 * (2 * depth + 2));
    assert.equal(view.node.all("vl-step").length, 2 * depth + 2);
    const last = 2 * depth + 1;
    const ends = view.node.all("vl-end").map((end) => Number(end.all("vl-strong")[0].textContent.replace("−", "-")));
    [0.5, 0.25].forEach((by, i) => assert.ok(Math.abs((ends[i] ?? NaN) - (by * last - 1)) <= 0.051));
    assert.equal(Number(view.node.all("vl-band")[0].getAttribute("x")), columnsFor(818, depth).left(1));
    view.show(shownFor(depth, { against: null, layer: null }));
    assert.deepEqual([view.node.all("vl-sum").length, view.node.all("vl-band").length, view.node.all("vl-between").length], [1, 0, 0]);
  }
});

test("curves that end close together have their numbers apart", () => {
  const view = attributionView({ passStep: () => {}, pinStep: () => {} });
  const shown = shownFor(6);
  view.show({ ...shown, against: { ...shown.against, logits: shown.target.logits } });
  const [a, b] = view.node.all("vl-end").map((end) => Number(end.getAttribute("y")));
  assert.equal(Math.abs(a - b), 14);
});

test("pointing passes a step, a click pins it, arrows go on from it, other keys are left alone", () => {
  const heard = [];
  const view = attributionView({ passStep: (step) => heard.push(["pass", step]), pinStep: (step) => heard.push(["pin", step]) });
  view.show(shownFor(6, { pinned: 3 }));
  const [slider] = view.node.all("vl-sums");
  assert.equal(slider.getAttribute("aria-valuenow"), "3");
  assert.equal(slider.getAttribute("aria-valuetext"), "after L1 attention, cat 0.50, dog −0.25, the step adds to the difference +0.25");
  slider.fire("pointermove", { clientX: pointX(5, columnsFor(818, 6)) + 3 });
  slider.fire("click", { clientX: pointX(13, columnsFor(818, 6)) });
  assert.ok(slider.fire("keydown", { key: "ArrowRight" }) && slider.fire("keydown", { key: "Home" }) && slider.fire("keydown", { key: "Enter" }));
  assert.ok(!slider.fire("keydown", { key: "x" }));
  assert.deepEqual(heard, [["pass", 5], ["pin", 13], ["pass", 4], ["pass", 0], ["pin", 3]]);
  assert.deepEqual(said(shownFor(6), 0)[0], ["after", "embedding"]);
});
