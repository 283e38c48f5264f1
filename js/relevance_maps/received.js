// What the kernel sends of relevance, decoded.
import { asFloat32, asInt32, asUint8 } from "../lib/bytes.js";
import { Grounds } from "../lib/grounds.js";
import { received } from "../lib/received.js";
import { Classes } from "./classes.js";
import { Curves } from "./curves.js";
import { Maps } from "./maps.js";

/** @typedef {(name: string) => any} Get  a trait by its name */

const OF_MAPS = ["_maps_of", "_tokens", "_heads", "_is_signed"];
const OF_CURVES = ["_curves_of", "_curves", "_curve_answers", "_falling"];
const OF_IMAGE = ["_picture", "_picture_size"];
const OF_CLASSES = ["_labels", "_emoji", "_probability"];

/** The traits that hold what is drawn. */
export const DATA = [...OF_MAPS, ...OF_CURVES, ...OF_IMAGE, ...OF_CLASSES, "_methods"];

/** @param {Get} get @returns {() => import("./scene.js").Data} */
export function dataReader(get) {
  const maps = received(get, OF_MAPS, () => mapsOf(get));
  const curves = received(get, OF_CURVES, () =>
    new Curves(get("_curves_of"), asFloat32(get("_curves")), asInt32(get("_curve_answers")), asInt32(get("_falling"))),
  );
  const grounds = received(get, OF_IMAGE, () => {
    const [height, width] = get("_picture_size");
    return new Grounds(asUint8(get("_picture")), width, height);
  });
  const classes = received(get, OF_CLASSES, () =>
    new Classes(get("_meta").model_name, get("_labels"), get("_emoji"), asFloat32(get("_probability")), get("_meta").probability_kind),
  );
  return () => ({ maps: maps(), curves: curves(), grounds: grounds(), classes: classes(), methods: get("_methods") });
}

/** @param {Get} get */
function mapsOf(get) {
  const { n_layers: nLayers, n_heads: nHeads, tokens, prefix } = get("_meta");
  const nBefore = tokens.filter((/** @type {number} */ token) => token < prefix.length).length;
  const sizes = { nLayers, nHeads, n: tokens.length, nBefore };
  return new Maps(get("_maps_of"), sizes, asFloat32(get("_tokens")), asFloat32(get("_heads")), get("_is_signed"));
}
