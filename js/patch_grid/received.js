// What the kernel sends of a reading, decoded.
import { asFloat32, asIds, asInt32, asUint8 } from "../lib/bytes.js";
import { Reading } from "./reading.js";

/** @typedef {import("./reading.js").TargetColumns} TargetColumns */
/** @typedef {(name: string) => any} Get  a trait by its name */

/** @param {Get} get */
export function readingOf(get) {
  const meta = get("_meta");
  return new Reading({
    meta,
    labels: get("_labels"),
    emoji: get("_emoji"),
    picture: asUint8(get("_picture")),
    topIndex: asIds(get("_top_index"), meta.id_bytes),
    topProbability: asFloat32(get("_top_probability")),
    entropy: asFloat32(get("_entropy")),
    kl: asFloat32(get("_kl")),
    logsumexp: asFloat32(get("_logsumexp")),
    logits: asFloat32(get("_logits")),
  });
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
