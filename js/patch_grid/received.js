// What the kernel sends of a reading, decoded.
import { asFloat32, asIds, asInt32, asUint8 } from "../lib/bytes.js";
import { received } from "../lib/received.js";
import { Reading } from "./reading.js";

/** @typedef {import("./reading.js").TargetColumns} TargetColumns */
/** @typedef {(name: string) => any} Get  a trait by its name */

/** @param {Get} get @param {Uint8Array} [picture]  where it is decoded already */
export function readingOf(get, picture = asUint8(get("_picture"))) {
  const meta = get("_meta");
  return new Reading({
    meta,
    labels: get("_labels"),
    emoji: get("_emoji"),
    picture,
    topIndex: asIds(get("_top_index"), meta.id_bytes),
    topProbability: asFloat32(get("_top_probability")),
    entropy: asFloat32(get("_entropy")),
    kl: asFloat32(get("_kl")),
    logsumexp: asFloat32(get("_logsumexp")),
    logits: asFloat32(get("_logits")),
    known: get("_known") ?? null,
  });
}

const OF_IMAGE = ["_known", "_meta", "_labels", "_picture", "_top_index", "_top_probability", "_entropy", "_kl", "_logsumexp", "_logits"];
const OF_TARGET = ["_target_logit", "_target_rank", "_target_of"];

/**
 * What every lens reads, decoded; what has not been sent anew stays the same object.
 * @param {Get} get
 * @param {() => Uint8Array} picture
 * @returns {() => import("./runs.js").Run[]}
 */
export function runsReader(get, picture) {
  /** @type {Map<string, () => import("./runs.js").Run>} */
  const readers = new Map();
  /** @type {import("./runs.js").Run[]} */
  let last = [];
  return () => {
    const { lenses, lens_name: own } = get("_meta");
    const others = get("_others") ?? {};
    const names = (lenses ?? [own]).filter((/** @type {string} */ name, /** @type {number} */ i) => i === 0 || name in others);
    const runs = names.map((/** @type {string} */ name, /** @type {number} */ i) => {
      if (!readers.has(name)) readers.set(name, runReader(name, i ? ofLens(get, name) : get, picture));
      return /** @type {() => import("./runs.js").Run} */ (readers.get(name))();
    });
    if (runs.length !== last.length || runs.some((/** @type {unknown} */ run, /** @type {number} */ i) => run !== last[i])) last = runs;
    return last;
  };
}

/** One lens's numbers under the names of the widget's own; the rest as it is. @param {Get} get @param {string} name @returns {Get} */
const ofLens = (get, name) => (trait) => {
  const bundle = get("_others")?.[name] ?? {};
  return OF_NUMBERS.has(trait) ? bundle[trait] : get(trait);
};

const OF_NUMBERS = new Set([...OF_IMAGE, ...OF_TARGET].filter((name) => !["_meta", "_labels", "_picture"].includes(name)));

/** @param {string} name @param {Get} get @param {() => Uint8Array} picture @returns {() => import("./runs.js").Run} */
function runReader(name, get, picture) {
  const read = received(get, OF_IMAGE, () => readingOf(get, picture()));
  /** @type {import("./runs.js").Run | null} */
  let last = null;
  return () => {
    const reading = read();
    const columns = columnsOf(get, reading, last?.reading === reading ? last.columns : null);
    if (!last || last.reading !== reading || last.columns !== columns) last = { name, reading, columns };
    return last;
  };
}

/**
 * The chosen class's columns: out of the complete table, or those that the kernel sent last.
 * @param {Get} get
 * @param {Reading} reading
 * @param {TargetColumns | null} last
 * @returns {TargetColumns}
 */
export function columnsOf(get, reading, last) {
  const of = reading.complete ? get("target") : (get("_target_of") ?? -1);
  if (last && last.of === of) return last;
  if (reading.complete) return reading.columns(of);
  return { of, logit: asFloat32(get("_target_logit")), rank: asInt32(get("_target_rank")) };
}
