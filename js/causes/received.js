// What the kernel has sent, decoded; parts that have not been sent anew stay the same objects.
import { found } from "./found.js";
import { asFloat32, asInt32, asUint8 } from "../lib/bytes.js";
import { received } from "../lib/received.js";
import { Classes } from "../relevance_maps/classes.js";
import { Effects } from "./effects.js";
import { Pair } from "./pair.js";

const OF_PAIR = ["_picture", "_picture_size", "_logits"];
const OF_CLASSES = ["_labels", "_emoji", "_logits"];
const OF_EFFECTS = ["_of", "_parts", "_tokens", "_groups", "_logits"];
const OF_WRITES = ["_of", "_writes", "_direct", "_writes_refused"];
const OF_CIRCUIT = ["_circuit", "_circuit_edges", "_circuit_effects"];
const OF_LOOKS = ["_looks", "_looks_of"];

/** The traits that hold what is drawn. */
export const DATA = [...new Set([...OF_PAIR, ...OF_CLASSES, ...OF_EFFECTS, ...OF_LOOKS, ...OF_WRITES, ...OF_CIRCUIT, "_progress", "_exchange", "_reads"])];

/** @param {import("../lib/received.js").Get} get @returns {() => import("./scene.js").Data} */
export function dataReader(get) {
  /** @type {import("./scene.js").Meta} */
  const meta = get("_meta");
  const sizes = { nLayers: meta.n_layers, nHeads: meta.n_heads, nRows: meta.n_heads + meta.rows_beside.length, nTokens: meta.tokens.length, nBefore: meta.tokens.filter((token) => token < meta.prefix.length).length };
  const pair = received(get, OF_PAIR, () => new Pair(get("_picture_size"), asUint8(get("_picture")), asFloat32(get("_logits")), meta.probability_kind));
  const classes = received(get, OF_CLASSES, () =>
    new Classes(meta.model_name, get("_labels"), get("_emoji"), pair().probabilities[0] ?? new Float32Array(), meta.probability_kind),
  );
  const effects = received(get, OF_EFFECTS, () =>
    new Effects(get("_of"), pair().ends(get("_of")), sizes, asFloat32(get("_parts")), asFloat32(get("_tokens")), asFloat32(get("_groups"))),
  );
  const looks = received(get, OF_LOOKS, () => {
    const [layer, head] = get("_looks_of");
    return { layer, head, values: asFloat32(get("_looks")) };
  });
  const writes = received(get, OF_WRITES, () => {
    const numbers = asFloat32(get("_writes"));
    const count = 2 * meta.n_layers + 2;
    return { refused: get("_writes_refused"), direct: asFloat32(get("_direct")), logits: Array.from({ length: numbers.length / count }, (_, i) => numbers.subarray(i * count, (i + 1) * count)) };
  });
  const circuit = received(get, OF_CIRCUIT, () => found(get("_circuit"), asInt32(get("_circuit_edges")), asFloat32(get("_circuit_effects"))));
  const reads = received(get, ["_reads"], () => asUint8(get("_reads")));
  return () => ({ classes: classes(), pair: pair(), effects: effects(), looks: looks(), writes: writes(), circuit: circuit(), reads: reads(), progress: get("_progress"), exchange: get("_exchange") });
}
