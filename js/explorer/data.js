// What the kernel sends to an Explorer, decoded: the untouched run, the edited one, the infilling.
import { overviewOf, statisticsOf } from "../attention_maps/received.js";
import { numbersOf, objectsOf, paintingOf } from "../infill_strip/received.js";
import { asFloat32, asUint8 } from "../lib/bytes.js";
import { Grounds } from "../lib/grounds.js";
import { received } from "../lib/received.js";
import { columnsOf, readingOf } from "../patch_grid/received.js";

/** @typedef {import("../lib/received.js").Get} Get */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Run} Run */

const OF_ANSWERS = ["_top_index", "_top_probability", "_entropy", "_kl", "_logsumexp", "_logits"];
const OF_MAPS = ["_overview_of", "_codes", "_ranges", "_thumb_ranges"];
const OF_STATISTICS = ["_statistics", "_statistic_words"];
const OF_RUN = [...OF_ANSWERS, ...OF_MAPS, ...OF_STATISTICS, "_target_logit", "_target_rank", "_target_of"];
const OF_INFILLING = ["_painting", "_numbers_of", "_random_mask", "_object_masks", "_object_names"];

/** Events after which the data may be others. */
export const DATA_EVENTS = ["_version", "target", ...OF_INFILLING, "mask", "_answered"];

/** The edited run's traits, by the names that those of a run have. @param {Get} get @returns {Get} */
const edited = (get) => (name) => get(OF_RUN.includes(name) ? `_edited${name}` : name);

/**
 * One run, decoded; parts that have not been sent anew stay the same objects.
 * @param {Get} get
 * @returns {() => Run}
 */
function runReader(get) {
  const reading = received(get, [...OF_ANSWERS, "_picture"], () => readingOf(get));
  const overview = received(get, OF_MAPS, () => overviewOf(get));
  const statistics = received(get, OF_STATISTICS, () => statisticsOf(get));
  /** @type {{ of: unknown[], columns: Run["columns"] } | null} */
  let last = null;
  const columns = () => {
    const of = [reading(), reading().complete ? get("target") : get("_target_logit")];
    if (!last?.of.every((one, i) => one === of[i])) last = { of, columns: columnsOf(get, reading(), null) };
    return last.columns;
  };
  return received(get, [...OF_RUN, "_picture", "target"], () => ({
    reading: reading(),
    columns: columns(),
    overview: overview(),
    statistics: statistics(),
  }));
}

/** @param {Get} get @returns {() => Data} */
export function dataReader(get) {
  const [baseline, other] = [runReader(get), runReader(edited(get))];
  const { height, width } = get("_meta");
  const grounds = received(get, ["_picture"], () => new Grounds(asUint8(get("_picture")), width, height));
  const divergence = received(get, ["_divergence"], () => asFloat32(get("_divergence")));
  const infill = get("_infill_meta") === null ? () => null : infillReader(get);
  return () => ({
    baseline: baseline(),
    edited: get("_edited_of").length ? editedRun(get, baseline(), other()) : null,
    areMapsOld: areMapsOld(get),
    without: get("_edited_of"),
    divergence: divergence(),
    grounds: grounds(),
    infill: infill(),
  });
}

/** The answers come before the attention. @param {Get} get */
const areMapsOld = (get) => get("_edited_of").length > 0 && get("_edited_overview_of").run !== get("_edited_run");

/** @param {Get} get @param {Run} untouched @param {Run} found @returns {Run} */
const editedRun = (get, { overview, statistics }, found) => (areMapsOld(get) ? { ...found, overview, statistics } : found);

/** @param {Get} get @returns {() => import("../infill_strip/scene.js").Data} */
function infillReader(get) {
  const meta = get("_infill_meta");
  const painting = received(get, ["_painting"], () => paintingOf(get, meta));
  const numbers = received(get, ["_numbers_of"], () => numbersOf(get, meta));
  const objects = received(get, ["_object_masks", "_object_names"], () => objectsOf(get));
  return received(get, OF_INFILLING, () => ({
    painting: painting(),
    numbers: numbers(),
    areNumbersOld: get("_numbers_of") !== get("_painting"),
    random: asUint8(get("_random_mask")),
    objects: objects(),
  }));
}
