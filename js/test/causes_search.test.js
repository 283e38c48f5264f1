// The search for a circuit: what is asked, where it is, stopped and gone on with.
import assert from "node:assert/strict";
import { test } from "node:test";
import "./small_dom.js";
import { circuitPart } from "../causes/circuit_part.js";
import { answerNode } from "../causes/circuit_places.js";
import { columnsFor } from "../causes/columns.js";
import { found } from "../causes/found.js";
import { CausesView } from "../causes/view.js";

const label = (index) => ({ index, name: ["cat", "dog"][index], brief: "", emoji: "" });

/** The part with a kernel, and what it asks for. */
function part(extra = {}) {
  const asked = [];
  const meta = { n_layers: 3, n_heads: 2, n_images: 4, names: ["with", "without"], rows: 4, cols: 6, ...extra };
  const view = circuitPart(meta, { choose: (change) => asked.push(change), findCircuit: (method) => asked.push(method), stopFinding: () => asked.push("stop"), pass() {}, press() {}, show() {} });
  const effects = { of: { has_gap: true, target: 0, against: 1 }, partEnd: 1, part: () => ({ share: 0.1 }) };
  const base = { circuit: null, canAsk: true, searching: "", effects, choices: { outside: "corrupted", layer: 1 }, row: 0, rows: [0, 1, "mlp"], passing: null, ratio: 1, dark: false, pair: { grounds: [] }, columns: columnsFor(400, 3), classes: { label } };
  const show = (more) => view.update({ ...base, ...more });
  const segmentsOf = (section) => view.node.all(section)[0].all("vl-segment");
  const [status, more, stop] = view.node.all("vl-circuit-foot")[0].children;
  return { asked, show, segmentsOf, status, more, stop, foot: more.parent, node: view.node };
}

/** A circuit that was found. */
const foundWith = (change = {}) => found({ exact: { sizes: [1, 2], kept: [0.4, 0.9] }, ranked: null, size: 2, without: 0.1, answer: 0, probability: 0.8, random: null, is_greedy: false, is_finished: true, n_edges: 20, outside: "corrupted", ...change }, Int32Array.of(0, 1, 1, 1, answerNode({ nLayers: 3, nHeads: 2 }), 0), Float32Array.of(0.5, 0.3));

test("what runs outside is chosen before and after; where a circuit is shown, another is looked for", () => {
  const { asked, show, segmentsOf, node } = part();
  show({});
  assert.deepEqual(segmentsOf("vl-circuit-ask").map((one) => [one.textContent, one.getAttribute("aria-checked"), one.disabled]), [["other image", "true", false], ["mean", "false", false], ["zero", "false", false]]);
  for (const one of segmentsOf("vl-circuit-ask")) one.fire("click");
  assert.deepEqual(asked.splice(0), [{ outside: "mean" }, { outside: "zero" }]);
  const words = { corrupted: "on “without”", mean: "carry the mean of “without” over 4 images", zero: "carry zeros" };
  for (const outside of ["corrupted", "mean", "zero"]) {
    show({ circuit: foundWith({ outside }), choices: { outside, layer: 1 } });
    assert.match(node.all("vl-circuit")[0].textContent, new RegExp(`all others ${words[outside]}`));
    const on = segmentsOf("vl-circuit").filter((one) => one.getAttribute("aria-checked") === "true");
    assert.deepEqual(on.map((one) => one.dataset.value), [outside]);
  }
  segmentsOf("vl-circuit")[1].fire("click");
  assert.deepEqual(asked.splice(0), [{ outside: "mean" }, "threshold"]);
  show({ circuit: foundWith(), searching: "threshold" });
  segmentsOf("vl-circuit")[2].fire("click");
  assert.deepEqual(asked, []); // the kernel is busy
  show({ circuit: foundWith(), canAsk: false });
  assert.equal(segmentsOf("vl-circuit").length, 0);
});

test("of one pair the mean of the other images is the other image, and says so", () => {
  const { show, segmentsOf } = part({ n_images: 1 });
  show({});
  const mean = segmentsOf("vl-circuit-ask")[1];
  assert.deepEqual([mean.disabled, /whose mean is itself/.test(mean.getAttribute("title"))], [true, true]);
});

test("a search says where it is, can be stopped, and gone on with", () => {
  const { asked, show, status, more, stop, foot, node } = part();
  show({});
  assert.equal(foot.hidden, true);
  show({ searching: "threshold" });
  assert.match(status.textContent, /scoring every edge/);
  assert.deepEqual([foot.hidden, stop.hidden, stop.disabled, more.hidden, node.all("vl-circuit-ask")[0].hidden], [false, false, false, true, true]);
  stop.fire("click");
  const onTheWay = foundWith({ without: null, answer: null, probability: null, is_finished: false });
  show({ circuit: onTheWay, searching: "threshold" });
  assert.match(status.textContent, /growing size: the first 2 edges keep 0.90/);
  assert.doesNotMatch(node.all("vl-sizes-words")[0].textContent, /answers|without/);
  show({ circuit: foundWith({ is_greedy: true, is_finished: false }), searching: "greedy" });
  assert.match(status.textContent, /1 left keep 0.40/);
  show({ circuit: onTheWay, searching: "stopping" });
  assert.deepEqual([stop.disabled, /after this step/.test(status.textContent)], [true, true]);
  for (const [change, method] of [[{ is_finished: false }, "threshold"], [{}, "greedy"], [{ is_greedy: true, is_finished: false }, "greedy"]]) {
    show({ circuit: foundWith(change) });
    assert.equal(more.textContent, "is_finished" in change ? "Go on" : "Remove the least needed edges");
    assert.equal(/; stopped/.test(node.textContent), "is_finished" in change);
    more.fire("click");
    assert.equal(asked.pop(), method);
  }
  show({ circuit: foundWith({ is_greedy: true }) });
  assert.equal(foot.hidden, true);
  assert.deepEqual(asked, ["stop"]);
});

/** A view without a page, which asks for a circuit of three steps. */
function looking(fails = false) {
  const [asked, complaints] = [[], []];
  const view = Object.assign(Object.create(CausesView.prototype), {
    ...{ searching: "", choices: { outside: "zero" }, draw() {}, complain: (sentence) => complaints.push(sentence) },
    ask: async (name, message) => {
      asked.push(message);
      if (asked.length === view.stopsAt) view.searching = "stopping";
      return [fails ? { error: "It cannot be found.", is_over: true } : { is_over: asked.length === 3 && !("stop" in message) }, []];
    },
  });
  return { view, asked, complaints };
}

test("the kernel is asked step by step until it is over, stopped, or fails", async () => {
  const { view, asked } = looking();
  await view.findCircuit("greedy");
  assert.deepEqual([asked, view.searching], [[{ method: "greedy", outside: "zero" }, {}, {}], ""]);
  const stopped = looking();
  stopped.view.stopsAt = 2;
  await stopped.view.findCircuit("threshold");
  assert.deepEqual([stopped.asked, stopped.view.searching], [[{ method: "threshold", outside: "zero" }, {}, { stop: true }], ""]);
  const failing = looking(true);
  await failing.view.findCircuit("threshold");
  assert.deepEqual([failing.asked.length, failing.complaints, failing.view.searching], [1, ["It cannot be found."], ""]);
});
