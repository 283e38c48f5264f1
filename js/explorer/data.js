// What the kernel sends to an Explorer, decoded: the baseline run, the edited one, the infilling.
import { overviewOf, statisticsOf } from "../attention_maps/received.js";
import { numbersOf, objectsOf, paintingOf } from "../infill_strip/received.js";
import { asFloat32, asUint8 } from "../lib/bytes.js";
import { Grounds } from "../lib/grounds.js";
import { received } from "../lib/received.js";
import { columnsOf, readingOf } from "../patch_grid/received.js";

/** @typedef {import("../lib/received.js").Get} Get */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Run} Run */

const OF_ANSWERS = ["_known", "_top_index", "_top_probability", "_entropy", "_kl", "_logsumexp", "_logits"];
/** Other prompts are other classes. */
const OF_CLASSES = ["_meta", "_labels"];
const OF_MAPS = ["_overview_of", "_codes", "_ranges", "_thumb_ranges"];
const OF_STATISTICS = ["_statistics", "_statistic_words"];
const OF_TARGET = ["_target_logit", "_target_rank", "_target_of"];
/** What is in which trait of a run. @type {[bundle: string, names: string[]][]} */
const BUNDLES = [
  ["answers", [...OF_ANSWERS, "_divergence", "number", "off"]],
  ["target", OF_TARGET],
  ["maps", [...OF_MAPS, ...OF_STATISTICS]],
];
const OF_RUN = [...OF_ANSWERS, ...OF_MAPS, ...OF_STATISTICS, ...OF_TARGET];
const OF_INFILLING = ["_painting", "_numbers_of", "_random_mask", "_object_masks", "_object_names"];

/** Events after which the data may be others. */
export const DATA_EVENTS = ["_version", "target", "lens", "beside", ...OF_INFILLING, "mask", "_answered"];

/**
 * One run's numbers by the names that PatchGrid and AttentionMaps have them under; the rest as it is.
 * @param {Get} get
 * @param {"baseline" | "edited"} run
 * @param {string | null} lens  another one than the first, whose attention is the same
 * @returns {Get}
 */
const ofRun = (get, run, lens) => (name) => {
  const bundle = BUNDLES.find(([, names]) => names.includes(name))?.[0];
  if (!bundle) return get(name);
  const isOthers = lens !== null && bundle !== "maps";
  return (isOthers ? (get("_others")[lens]?.[`_${run}_${bundle}`] ?? {}) : get(`_${run}_${bundle}`))[name];
};

/**
 * One run, decoded; parts that have not been sent anew stay the same objects.
 * @param {Get} get
 * @returns {() => Run}
 */
function runReader(get) {
  const reading = received(get, [...OF_ANSWERS, ...OF_CLASSES, "_picture"], () => readingOf(get));
  const overview = received(get, OF_MAPS, () => overviewOf(get));
  const statistics = received(get, OF_STATISTICS, () => statisticsOf(get));
  /** @type {{ of: unknown[], columns: Run["columns"] } | null} */
  let last = null;
  const columns = () => {
    const of = [reading(), reading().complete ? get("target") : get("_target_logit")];
    if (!last?.of.every((one, i) => one === of[i])) last = { of, columns: columnsOf(get, reading(), null) };
    return last.columns;
  };
  return received(get, [...OF_RUN, ...OF_CLASSES, "_picture", "target"], () => ({
    reading: reading(),
    columns: columns(),
    overview: overview(),
    statistics: statistics(),
  }));
}

/**
 * What the lens that is shown reads, with what the others do.
 * @param {Get} get
 * @returns {() => Data}
 */
export function dataReader(get) {
  /** @type {Map<string, () => Data>} */
  const readers = new Map();
  const of = (/** @type {string} */ name) => {
    const isFirst = name === (get("_meta").lenses?.[0] ?? name);
    if (!readers.has(name)) readers.set(name, lensReader(get, isFirst ? null : name));
    return /** @type {() => Data} */ (readers.get(name))();
  };
  return () => {
    const names = /** @type {string[] | null} */ (get("_meta").lenses ?? null);
    if (!names) return of("");
    const own = get("lens");
    const every = names.map((name) => ({ name, data: of(name) }));
    return { ...(every.find(({ name }) => name === own) ?? /** @type {{ data: Data }} */ (every[0])).data, every };
  };
}

/** @param {Get} get @param {string | null} lens @returns {() => Data} */
function lensReader(get, lens) {
  const [own, edited] = [ofRun(get, "baseline", lens), ofRun(get, "edited", lens)];
  const [baseline, other] = [runReader(own), runReader(edited)];
  const { height, width } = get("_meta");
  const grounds = received(get, ["_picture"], () => new Grounds(asUint8(get("_picture")), width, height));
  const divergence = received(edited, ["_divergence"], () => asFloat32(edited("_divergence")));
  const infill = get("_infill_meta") === null ? () => null : infillReader(get);
  return () => {
    const off = edited("off") ?? [];
    const areMapsOld = off.length > 0 && edited("_overview_of")?.run !== edited("number"); // the answers come before
    const { overview, statistics } = baseline();
    return {
      baseline: baseline(),
      edited: off.length === 0 ? null : areMapsOld ? { ...other(), overview, statistics } : other(),
      areMapsOld,
      without: off,
      divergence: divergence(),
      grounds: grounds(),
      infill: infill(),
      every: [],
    };
  };
}

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
    beside: null,
  }));
}
