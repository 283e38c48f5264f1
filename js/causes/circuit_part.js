// The circuit among the other parts: looked for when the reader asks, since that takes a while.
import { element, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { circuitView } from "./circuit.js";
import { answerNode, EMBEDDING, partOf } from "./circuit_places.js";

/** @typedef {import("./scene.js").Scene} Scene */

const PICTURE = 34; // longest side, px
/** @type {[value: string, text: string][]} what stands outside of a circuit: the other run alone, here */
const OUTSIDES = [["corrupted", "other image"]];

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
    chooseOutside: () => {},
  });
  const title = element("h3", "vl-title", {}, "Circuit");
  const words = element("p", "vl-secondary vl-wrap");
  const find = element("button", "vl-button", { type: "button" }, "Find the circuit");
  find.addEventListener("click", () => actions.findCircuit("threshold"));
  const ask = element("section", "vl-circuit-ask", { "aria-label": "Circuit" }, element("div", "vl-head", {}, title), words, find);
  const more = element("button", "vl-button vl-push", { type: "button", title: "Each removal is run exactly; this takes much longer" }, "Remove the least needed edges");
  more.addEventListener("click", () => actions.findCircuit("greedy"));
  const foot = element("div", "vl-circuit-foot", {}, more);
  const node = element("div", "vl-circuit-part", {}, ask, view.node, foot);
  const picture = element("canvas", "", { "aria-hidden": "true" });
  const ofFound = whenChanged((/** @type {Scene} */ s) => [s.circuit], (s) => (size = s.circuit?.size ?? NaN));
  const paint = whenChanged((/** @type {Scene} */ s) => [s.pair, s.ratio], (s) => drawPicture(picture, s));
  let effects = new Float32Array();
  const fillEffects = whenChanged((/** @type {Scene} */ s) => [s.effects], (s) => (effects = effectsOf(s)));
  /** @param {Scene} scene */
  function update(scene) {
    last = scene;
    const { circuit } = scene;
    ofFound(scene);
    ask.hidden = circuit !== null || (!scene.canAsk && circuit === null);
    view.node.hidden = circuit === null;
    foot.hidden = circuit === null || circuit.isGreedy || !scene.canAsk;
    find.disabled = more.disabled = scene.searching || !scene.effects.of.has_gap;
    const whyNot = scene.effects.of.has_gap ? null : "Both images get the same answer";
    setAttributes(find, { title: whyNot });
    setAttributes(more, { title: whyNot ?? "Each removal is run exactly; this takes much longer" });
    words.textContent = scene.searching ? "The kernel looks for it; interrupting the kernel ends the search." : "Which connections between heads and MLPs suffice for the answer: every edge is scored by gradients, then circuits of growing size are run exactly. This takes from seconds to minutes.";
    more.textContent = scene.searching ? "removing edges …" : "Remove the least needed edges";
    node.classList.toggle("vl-growing", scene.searching);
    if (!circuit) return;
    paint(scene);
    fillEffects(scene);
    const { edges, exact, ranked, random, nEdges } = circuit;
    const { of, partEnd } = scene.effects;
    const exactWords = circuit.isGreedy ? "exact, least needed removed" : "exact, by gradient rank";
    const said = `only these connections run on “${meta.names[0]}”, all others on “${meta.names[1]}”${circuit.isFinished ? "" : "; interrupted"}`;
    const isPassing = scene.passing !== null && "row" in scene.passing ? nodeAt(scene.passing.row, scene.passing.layer) : null;
    view.show({
      ...{ columns: scene.columns, ...sizes, ratio: scene.ratio, dark: scene.dark, effects, scale: partEnd },
      ...{ edges, nEdges, exact, exactWords, ranked, random, size, layer: scene.choices.layer },
      ...{ passing: isPassing, pinned: nodeAt(scene.row, scene.choices.layer), words: said, outsides: OUTSIDES, outside: "corrupted" },
      ...{ picture, labelOf, labelTarget: of.target, labelAgainst: of.against },
    });
  }
  const labelOf = (/** @type {number} */ index) => /** @type {Scene} */ (last).classes.label(index);
  /** @param {import("./places.js").Row} row @param {number} layer */
  const nodeAt = (row, layer) => (row === "attention" ? null : 1 + layer * (sizes.nHeads + 1) + (row === "mlp" ? sizes.nHeads : row));
  return { node, update };

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
