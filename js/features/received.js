// What the kernel sends of all features, decoded.
import { asFloat32, asIds, asInt32, asUint8 } from "../lib/bytes.js";
import { received } from "../lib/received.js";
import { Catalogue } from "./catalogue.js";
import { foundOf, keyOf } from "./looks.js";
import { Own } from "./own.js";

/** @typedef {(name: string) => any} Get  a trait by its name */

const NUMBERS = ["_numbers", "_best", "_sparks", "_areas", "_table"];
const PICTURE = ["_picture", "_of_image"];
const KEPT = ["_saved", "_saved_bytes"];

/** The traits that hold what is drawn. */
export const DATA = [...NUMBERS, ...PICTURE, ...KEPT];

/** As `id_bytes` in pack.py. @param {number} count */
const idBytes = (count) => (count <= 32768 ? 2 : 4);

/** @typedef {{ catalogue: Catalogue, own: Own | null, kept: Map<string, import("./scene.js").Found> }} Data */

/** @param {Get} get @returns {() => Data} */
export function dataReader(get) {
  const catalogue = received(get, NUMBERS, () => {
    const areas = asUint8(get("_areas"));
    const sent = {
      numbers: asFloat32(get("_numbers")),
      best: asIds(get("_best"), idBytes(get("_labels").length)),
      sparks: asUint8(get("_sparks")),
      areas: new Uint16Array(areas.buffer),
      table: asInt32(get("_table")),
    };
    return new Catalogue(get("_meta"), sent);
  });
  const own = received(get, PICTURE, () => {
    const [height, width] = get("_meta").picture_size;
    return height ? new Own(asUint8(get("_picture")), width, height, get("_of_image")) : null;
  });
  const kept = received(get, KEPT, () => keptOf(get("_saved"), asUint8(get("_saved_bytes"))));
  return received(get, DATA, () => ({ catalogue: catalogue(), own: own(), kept: kept() }));
}

/** @param {any[]} said @param {Uint8Array} bytes */
function keptOf(said, bytes) {
  let start = 0;
  return new Map((said ?? []).map((one) => {
    const found = foundOf(one, bytes.subarray(start, start + one.bytes));
    start += one.bytes;
    return [keyOf(one.of), found];
  }));
}
