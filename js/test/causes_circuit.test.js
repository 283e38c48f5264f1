// The circuit: where nodes stand, how edges run, what a size keeps, keys and pointer.
import assert from "node:assert/strict";
import { test } from "node:test";
import "./small_dom.js";
import { circuitView } from "../causes/circuit.js";
import { MOST_DRAWN, weakFirst } from "../causes/circuit_edges.js";
import { alive, answerNode, edgeEnds, heightOf, nameOf, neighbour, nodeOf, partOf, placesFor, strokeOf, textOf } from "../causes/circuit_places.js";
import { columnsFor } from "../causes/columns.js";
import { nearest, placeOf, rangeOf, sharesFor, sizeAt, sizeOfKey, ticksFor } from "../causes/sizes.js";

const SIZES = [{ nLayers: 6, nHeads: 3 }, { nLayers: 12, nHeads: 12 }, { nLayers: 24, nHeads: 16 }];
const WIDTHS = [428, 668, 818, 1018];

test("nodes are counted as the stream is written", () => {
  for (const sizes of SIZES) {
    const { nLayers, nHeads } = sizes;
    assert.equal(partOf(sizes, 0), null);
    assert.equal(partOf(sizes, answerNode(sizes)), null);
    let next = 1;
    for (let layer = 0; layer < nLayers; layer++) {
      for (const head of [...Array(nHeads).keys(), null]) {
        assert.equal(nodeOf(sizes, layer, head), next);
        assert.deepEqual(partOf(sizes, next++), { layer, head });
      }
    }
    assert.equal(answerNode(sizes), next);
  }
  assert.equal(nameOf(SIZES[0], nodeOf(SIZES[0], 3, 1)), "Layer 3, head 1");
  assert.equal(nameOf(SIZES[0], nodeOf(SIZES[0], 3, null)), "Layer 3, MLP");
});

test("each node stands in its own column, none covers another, all are in the picture", () => {
  for (const sizes of SIZES) {
    for (const width of WIDTHS) {
      const columns = columnsFor(width, sizes.nLayers);
      const places = [...placesFor(columns, sizes, Array(answerNode(sizes)).keys())];
      assert.equal(places.length, answerNode(sizes) + 1);
      for (const [node, place] of places) {
        const part = partOf(sizes, node);
        if (!part) continue;
        assert.ok(place.x > columns.left(part.layer) && place.x < columns.left(part.layer + 1));
        assert.ok(place.y - place.height / 2 >= 0 && place.y + place.height / 2 <= heightOf(sizes));
      }
      for (let i = 0; i < places.length; i++) {
        for (let j = i + 1; j < places.length; j++) {
          const [a, b] = [places[i][1], places[j][1]];
          const isApart = Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
          assert.ok(isApart, `${nameOf(sizes, places[i][0])}, ${nameOf(sizes, places[j][0])} at ${width}`);
        }
      }
    }
  }
});

test("few heads keep their row; from eight on they are packed by number", () => {
  const [few, many] = SIZES;
  const alone = placesFor(columnsFor(818, 6), few, [nodeOf(few, 2, 1)]);
  const all = placesFor(columnsFor(818, 6), few, Array(answerNode(few)).keys());
  assert.deepEqual(alone.get(nodeOf(few, 2, 1)), all.get(nodeOf(few, 2, 1)));
  const packed = placesFor(columnsFor(818, 12), many, [nodeOf(many, 5, 11), nodeOf(many, 5, 2), nodeOf(many, 5, null), nodeOf(many, 5, 7)]);
  const ys = [2, 7, 11, null].map((head) => packed.get(nodeOf(many, 5, head)).y);
  assert.deepEqual(ys, [0, 1, 2, 3].map((at) => heightOf(many) / 2 + 44 * (at - 1.5)));
});

test("edges run from right to left edges; query, key and value dock apart; strength shows twice", () => {
  const [from, to] = [{ x: 10, y: 20, width: 8, height: 6 }, { x: 60, y: 40, width: 20, height: 17 }];
  assert.deepEqual(edgeEnds(from, to, 0), [14, 20, 50, 40]);
  assert.deepEqual([1, 2, 3].map((port) => edgeEnds(from, to, port)[3]), [35, 40, 45]);
  assert.deepEqual(strokeOf(0, 2, 104), { width: 0.6, opacity: 0.22 });
  assert.ok(strokeOf(-2, 2, 104).width === 7.6 && Math.abs(strokeOf(-2, 2, 104).opacity - 0.77) < 1e-9);
  assert.deepEqual(strokeOf(1, 0, 104), { width: 0.6, opacity: 0.22 });
});

test("the weak edges are drawn first, and of thousands the strongest alone", () => {
  const effect = Float32Array.of(0.1, -3, NaN, 2, 1);
  assert.deepEqual(weakFirst({ edges: { effect }, live: [0, 1, 2, 3] }), [2, 0, 3, 1]);
  const many = Float32Array.from({ length: 5000 }, (_, i) => i);
  const drawn = weakFirst({ edges: { effect: many }, live: [...many.keys()] });
  assert.deepEqual([drawn.length, drawn[0], drawn.at(-1)], [MOST_DRAWN, 5000 - MOST_DRAWN, 4999]);
});

test("edges on no way from the embedding to the answer do nothing", () => {
  // 0 - 1 - 4 is a way; 2 is not reached, 3 leads nowhere; the order of the edges is any
  const edges = { from: [1, 2, 0, 0, 2, 0], to: [4, 4, 3, 1, 3, 2] };
  assert.deepEqual(alive(edges, 5, 4), [0, 3]);
  assert.deepEqual(alive(edges, 6, 4), [0, 1, 3, 5]);
  assert.deepEqual(alive(edges, 1, 4), []);
});

test("what is written on a node takes the room there is", () => {
  const [head, mlp] = [{ layer: 0, head: 11 }, { layer: 0, head: null }];
  assert.deepEqual([104, 58, 44, 29].map((pitch) => textOf(head, pitch)), ["H11", "H11", "11", ""]);
  assert.deepEqual([104, 58, 44, 29].map((pitch) => textOf(mlp, pitch)), ["MLP", "MLP", "M", ""]);
});

test("arrows lead to a neighbour, and every node can be reached from the embedding", () => {
  const sizes = SIZES[1];
  const places = placesFor(columnsFor(818, 12), sizes, [1, 5, 40, 41, 99, 150, 12, 13]);
  const reached = new Set([0]);
  for (const at of reached) for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) reached.add(neighbour(places, at, key) ?? at);
  assert.deepEqual([...reached].sort((a, b) => a - b), [...places.keys()].sort((a, b) => a - b));
  assert.equal(neighbour(places, 0, "ArrowLeft"), null);
  assert.equal(neighbour(places, 0, "x"), null);
});

test("sizes are on a log axis, and keys go from one that was tried to the next", () => {
  for (const all of [2, 307, 32491]) {
    assert.deepEqual([placeOf(1, all), placeOf(all, all), Math.round(sizeAt(placeOf(2, all), all))], [0, 1, 2]);
    for (const span of [300, 560, 900]) {
      const ticks = ticksFor(all, span);
      const places = ticks.map((tick) => span * placeOf(tick, all));
      assert.ok(ticks.length > (all > 100 ? 1 : -1) && places.every((at) => at <= span - 125));
      places.slice(1).forEach((at, i) => assert.ok(at - places[i] >= 44, `${ticks}`));
    }
  }
  const sizes = [1, 3, 10, 307];
  assert.deepEqual([1, 4, 6, 100, 9999].map((size) => nearest(sizes, size)), [0, 1, 2, 3, 3]);
  const keys = { ArrowLeft: 3, ArrowRight: 307, "-": 3, "+": 307, "=": 307, Home: 1, End: 307, x: null };
  for (const [key, size] of Object.entries(keys)) assert.equal(sizeOfKey(key, sizes, 10), size, key);
  assert.equal(sizeOfKey("+", [], 10), null);
});

test("the axis of shares follows the curves a little beyond 0 and 1", () => {
  assert.deepEqual(rangeOf([{ kept: [0.2, NaN, 0.9] }, null]), { low: 0, high: 1 });
  assert.deepEqual(rangeOf([{ kept: [-0.25, 1.5] }, { kept: [40, -9] }]), { low: -1, high: 2 });
});

test("numbers on the axis of shares stand apart, 0 and 1 always among them", () => {
  assert.deepEqual(sharesFor({ low: 0, high: 1 }, 56), [0, 1, 0.5]);
  assert.deepEqual(sharesFor({ low: -1, high: 2 }, 56), [0, 1, -1, 2]);
  for (const low of [0, -0.2, -0.6, -1]) {
    for (const high of [1, 1.2, 1.7, 2]) {
      const taken = sharesFor({ low, high }, 56).sort((a, b) => a - b);
      assert.ok(taken.includes(0) && taken.includes(1));
      taken.slice(1).forEach((share, i) => assert.ok(((share - taken[i]) * 56) / (high - low) >= 12, `${taken}`));
    }
  }
});

test("first edges that lead nowhere keep no 0: they make no way yet", () => {
  const { view } = shown({ size: 1 });
  assert.match(view.node.all("vl-size-facts")[0].textContent, /^the first edge makes no way from the embedding to the answer yet/);
  assert.doesNotMatch(view.node.all("vl-size-facts")[0].textContent, /keep/);
});

const label = (index) => ({ index, name: ["cat", "dog"][index], brief: "", emoji: "" });

/** A model of two blocks of two heads: embedding - L1 MLP - answer, and L0 H1 between the first two. */
function circuit(extra = {}) {
  const sizes = { nLayers: 2, nHeads: 2 };
  const [head, mlp, answer] = [nodeOf(sizes, 0, 1), nodeOf(sizes, 1, null), answerNode(sizes)];
  const effects = new Float32Array(answer + 1).fill(NaN);
  effects[head] = 0.61;
  return {
    ...sizes,
    columns: columnsFor(818, 2),
    ratio: 1,
    dark: false,
    effects,
    scale: 1,
    edges: { from: [0, mlp, head, 0], to: [mlp, answer, mlp, head], effect: [0.5, 2, -1, 0.25], port: null },
    nEdges: 20,
    exact: { sizes: [1, 2, 4, 20], kept: [0.1, 0.4, 0.8, 1], without: [1, 0.7, -0.02, 0], answer: [1, 1, 0, 0], probability: [0.9, 0.5, 0.75, 1] },
    exactWords: "exact, one by one",
    ranked: { sizes: [1, 4, 20], kept: [0, 0.2, 1] },
    random: { count: 10, sizes: [4], largest: [0.015] },
    size: 4,
    layer: 1,
    passing: null,
    pinned: null,
    words: "only these connections run",
    outsides: [["corrupted", "other image"], ["mean", "mean"]],
    outside: "corrupted",
    picture: null,
    labelOf: label,
    labelTarget: 0,
    labelAgainst: 1,
    head,
    mlp,
    answer,
    ...extra,
  };
}

function shown(extra = {}) {
  const heard = [];
  const hear = (name) => (value) => heard.push([name, value]);
  const view = circuitView({ passNode: hear("pass"), pinNode: hear("pin"), chooseSize: hear("size"), chooseOutside: hear("outside") });
  const given = circuit(extra);
  view.show(given);
  const at = (node) => view.node.all("vl-node").find((one) => one.getAttribute("data-node") === String(node));
  return { view, heard, at, ...given };
}

test("nodes of the circuit alone are there, coloured by their effect, and say it", () => {
  const { view, at, head, mlp, answer } = shown();
  assert.deepEqual(view.node.all("vl-node").map((one) => Number(one.getAttribute("data-node"))).sort((a, b) => a - b), [0, head, mlp, answer]);
  assert.equal(at(head).getAttribute("aria-label"), "Layer 0, head 1, 0.61 of the way");
  assert.equal(at(mlp).getAttribute("aria-label"), "Layer 1, MLP, not exchanged yet");
  assert.match(at(head).style.background, /^rgb/);
  assert.equal(at(answer).getAttribute("aria-label"), "answer, cat against dog, 0.80 of the gap kept");
});

test("a smaller circuit has fewer nodes and edges; widths are of all edges", () => {
  const { view, head, mlp, ...given } = shown();
  const [canvas] = view.node.all("vl-edges");
  assert.deepEqual(canvas.context.strokes.map(({ width }) => width), [0.125, 0.25, 0.5, 1].map((share) => 0.6 + 7 * share));
  assert.deepEqual(canvas.context.strokes.map(({ color }) => color === canvas.context.strokes[0].color), [true, true, false, true]);
  canvas.context.strokes.length = 0;
  view.show(circuit({ size: 2, columns: given.columns }));
  assert.deepEqual(canvas.context.strokes.map(({ width }) => width), [0.25, 1].map((share) => 0.6 + 7 * share));
  assert.equal(view.node.all("vl-node").some((one) => one.getAttribute("data-node") === String(head)), false);
  assert.match(view.node.all("vl-sizes-words")[0].textContent, /^2 edges keep 0.40without them 0.70answers dog 0.50/);
  canvas.context.strokes.length = 0;
  const same = circuit({ size: 4, passing: mlp });
  view.show(same);
  view.show({ ...same, layer: 0 });
  assert.equal(canvas.context.strokes.length, 4); // a chosen layer draws no edge
});

test("the slider says what a size keeps and what random circuits do; an edge aside is faint", () => {
  const { view, heard } = shown({ size: 4, passing: 0 });
  const [slider] = view.node.all("vl-sizes");
  assert.equal(slider.getAttribute("aria-valuetext"), "4 of 20 edges keep 0.80 of the gap, without them −0.02, the answer is cat 0.75");
  assert.match(view.node.all("vl-sizes-words")[0].textContent, /still answers cat 0.75.*10 random circuits of this size: at most 0.01/);
  const aside = view.node.all("vl-edges")[0].context.strokes.filter(({ opacity }) => opacity < 0.15);
  assert.equal(aside.length, 2);
  for (const key of ["ArrowLeft", "End", "Home"]) assert.ok(slider.fire("keydown", { key }));
  assert.ok(!slider.fire("keydown", { key: "x" }));
  assert.deepEqual(heard, [["size", 2], ["size", 20], ["size", 1]]);
});

test("pointing passes a node, a click pins it, arrows move, plus and minus change the size", () => {
  const { heard, at, head, mlp } = shown({ pinned: null });
  at(head).fire("pointerover");
  at(head).fire("click");
  assert.ok(at(head).fire("keydown", { key: "ArrowRight" }));
  assert.ok(at(mlp).fire("keydown", { key: "-" }));
  assert.ok(!at(mlp).fire("keydown", { key: "-", ctrlKey: true }));
  assert.ok(!at(mlp).fire("keydown", { key: "q" }));
  assert.deepEqual(heard, [["pass", head], ["pin", head], ["pass", mlp], ["size", 2]]);
});
