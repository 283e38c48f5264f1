// The circuit among the other parts: looked for when the reader asks, since that takes a while, and shown
// while the kernel is at it.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { circuitView } from "./circuit.js";
import { answerNode, EMBEDDING, partOf } from "./circuit_places.js";
import { noGap } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Outside} Outside */

const PICTURE = 34; // longest side, px
/** @typedef {import("../lib/controls.js").Option[]} Options */
/** @type {Options} what may run outside of a circuit */
const OUTSIDES = [["corrupted", "other image"], ["mean", "mean"], ["zero", "zero"]];
/** @type {Options} */
const OF_ONE_PAIR = [["corrupted", "other image"], ["mean", "mean", "The mean over a batch of other images: there is one, whose mean is itself"], ["zero", "zero"]];
/** @type {Options} */
const NONE = [];

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function circuitPart(meta, actions) {
  const sizes = { nLayers: meta.n_layers, nHeads: meta.n_heads };
  /** @type {Scene | null} */
  let last = null;
  let size = NaN;
  const draw = () => last && update(last);
  const rowOf = (/** @type {number} */ node) => {
    const part = partOf(sizes, node);
    return part && { row: /** @type {import("./places.js").Row} */ (part.head ?? "mlp"), layer: part.layer };
  };
  const view = circuitView({
    passNode: (node) => actions.pass(node === null ? null : rowOf(node)),
    pinNode: (node) => {
      const at = rowOf(node);
      if (!at) return;
      actions.press(at.row, at.layer);
      if (typeof at.row === "number") actions.show("looks");
    },
    chooseSize: (chosen) => {
      size = chosen;
      draw();
    },
    chooseOutside,
  });
  const outsides = meta.n_images > 1 ? OUTSIDES : OF_ONE_PAIR;
  const outside = segments("Outside it", "What runs outside the circuit", outsides, chooseOutside);
  const { ask, find } = asking(outside.node);
  const { foot, more, stop, status } = working();
  find.addEventListener("click", () => actions.findCircuit("threshold"));
  more.addEventListener("click", () => actions.findCircuit(last?.circuit?.isFinished || last?.circuit?.isGreedy ? "greedy" : "threshold"));
  stop.addEventListener("click", actions.stopFinding);
  const node = element("div", "vl-circuit-part", {}, ask, view.node, foot);
  const picture = element("canvas", "", { "aria-hidden": "true" });
  const ofFound = whenChanged((/** @type {Scene} */ s) => [s.circuit], (s) => (size = s.circuit?.size ?? NaN));
  const paint = whenChanged((/** @type {Scene} */ s) => [s.pair, s.ratio], (s) => drawPicture(picture, s));
  let effects = new Float32Array();
  const fillEffects = whenChanged((/** @type {Scene} */ s) => [s.effects], (s) => (effects = effectsOf(s)));
  /** @param {Scene} scene */
  function update(scene) {
    last = scene;
    const { circuit, searching } = scene;
    const isSearching = searching !== "";
    ofFound(scene);
    ask.hidden = circuit !== null || isSearching || !scene.canAsk;
    view.node.hidden = circuit === null;
    foot.hidden = !scene.canAsk || (circuit?.isGreedy && circuit.isFinished) || (circuit === null && !isSearching);
    find.disabled = more.disabled = !scene.effects.of.has_gap;
    const whyNot = scene.effects.of.has_gap ? null : `No circuit: ${noGap(scene.effects.ends)}`;
    setAttributes(find, { title: whyNot });
    setAttributes(more, { title: whyNot ?? (circuit?.isFinished ? "Each removal is run exactly; this takes much longer" : null) });
    more.hidden = isSearching;
    fill(more, circuit?.isFinished === false ? "Go on" : "Remove the least needed edges");
    stop.hidden = !isSearching;
    stop.disabled = searching === "stopping";
    fill(status, isSearching && statusOf(scene));
    outside.show(scene.choices.outside);
    node.classList.toggle("vl-growing", isSearching);
    if (circuit) show(scene, circuit);
  }
  const labelOf = (/** @type {number} */ index) => /** @type {Scene} */ (last).classes.label(index);
  /** @param {import("./places.js").Row} row @param {number} layer */
  const nodeAt = (row, layer) => (row === "attention" ? null : 1 + layer * (sizes.nHeads + 1) + (row === "mlp" ? sizes.nHeads : row));
  return { node, update };

  /** @param {Scene} scene @param {import("./found.js").Found} circuit */
  function show(scene, circuit) {
    paint(scene);
    fillEffects(scene);
    const { edges, exact, ranked, random, nEdges } = circuit;
    const { of, partEnd } = scene.effects;
    const exactWords = circuit.isGreedy ? "exact, least needed removed" : "exact, by gradient rank";
    const said = `only these connections run on “${meta.names[0]}”, all others ${otherwise(meta, circuit.outside)}${circuit.isFinished || scene.searching ? "" : "; stopped"}`;
    const isPassing = scene.passing !== null && "row" in scene.passing ? nodeAt(scene.passing.row, scene.passing.layer) : null;
    view.show({
      ...{ columns: scene.columns, ...sizes, ratio: scene.ratio, dark: scene.dark, effects, scale: partEnd },
      ...{ edges, nEdges, exact, exactWords, ranked, random, size, layer: scene.choices.layer },
      ...{ passing: isPassing, pinned: nodeAt(scene.row, scene.choices.layer), words: said },
      ...{ outsides: scene.canAsk ? outsides : NONE, outside: scene.choices.outside },
      ...{ picture, labelOf, labelTarget: of.target, labelAgainst: of.against },
    });
  }

  /** Another one has a circuit of its own: it is looked for where one was shown. @param {string} value */
  function chooseOutside(value) {
    if (!last || last.searching || value === last.choices.outside) return;
    const isShown = last.circuit !== null;
    actions.choose({ outside: /** @type {Outside} */ (value) });
    if (isShown) actions.findCircuit("threshold");
  }

  /** What exchanging each node alone is worth. @param {Scene} s */
  function effectsOf(s) {
    const all = new Float32Array(answerNode(sizes) + 1).fill(NaN);
    for (let at = EMBEDDING + 1; at < answerNode(sizes); at++) {
      const of = rowOf(at);
      const row = of ? s.rows.indexOf(of.row) : -1;
      if (of && row >= 0) all[at] = s.effects.part(of.layer, row).share;
    }
    return all;
  }

  /** @param {HTMLCanvasElement} canvas @param {Scene} s */
  function drawPicture(canvas, { pair, ratio }) {
    const longer = Math.max(meta.rows, meta.cols);
    const [width, height] = [meta.cols, meta.rows].map((n) => Math.round((PICTURE * ratio * n) / longer));
    setAttributes(canvas, { width: width ?? 1, height: height ?? 1 });
    const pixels = pair.grounds[0]?.copy("plain", canvas.width, canvas.height);
    if (pixels) canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  }
}

/** Before there is a circuit. @param {HTMLElement} outside */
function asking(outside) {
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "Circuit"), element("div", "vl-circuit-outside", {}, outside));
  const words = element("p", "vl-secondary vl-wrap", {}, "Which connections between heads and MLPs suffice for the answer: every edge is scored by gradients, then circuits of growing size are run exactly. This takes from seconds to minutes, and can be stopped.");
  const find = element("button", "vl-button", { type: "button" }, "Find the circuit");
  return { ask: element("section", "vl-circuit-ask", { "aria-label": "Circuit" }, head, words, find), find };
}

/** Under it: what the kernel does now, and what else it can. */
function working() {
  const status = element("span", "vl-secondary", { role: "status" });
  const more = element("button", "vl-button vl-push", { type: "button" });
  const stop = element("button", "vl-button vl-push", { type: "button", title: "What was found until then is kept" }, "Stop");
  return { foot: element("div", "vl-circuit-foot", {}, status, more, stop), more, stop, status };
}

/** What the kernel is at. @param {Scene} scene */
function statusOf({ searching, circuit }) {
  if (searching === "stopping") return "stopping after this step …";
  if (!circuit) return "scoring every edge by gradients …";
  const { sizes, kept } = circuit.exact;
  if (searching === "greedy") return `removing the least needed edges: ${sizes[0]?.toLocaleString("en-US")} left keep ${(kept[0] ?? NaN).toFixed(2)} …`;
  const n = sizes.length - 1;
  const first = sizes[n] === 1 ? "edge keeps" : `${sizes[n]?.toLocaleString("en-US")} edges keep`;
  return `running circuits of growing size: the first ${first} ${(kept[n] ?? NaN).toFixed(2)} …`;
}

/** What runs along the edges outside of a circuit. @param {import("./scene.js").Meta} meta @param {Outside} outside */
export function otherwise({ names, n_images }, outside) {
  if (outside === "zero") return "carry zeros";
  return outside === "mean" ? `carry the mean of “${names[1]}” over ${n_images} images` : `on “${names[1]}”`;
}
