// What the kernel has sent, decoded; parts that have not been sent anew stay the same objects.
import { asFloat32, asIds, asUint8 } from "../lib/bytes.js";
import { received } from "../lib/received.js";
import { Components } from "./components.js";
import { Groups } from "./groups.js";
import { Pictures } from "./pictures.js";
import { Similar } from "./similar.js";
import { Taught } from "./taught.js";

export const DATA = [
  ...["_picture", "_picture_of", "_thumbs"],
  ...["_components", "_foreground", "_variance"],
  ...["_similarity", "_similar_prefix", "_similar_of"],
  ...["_groups", "_groups_of"],
  ...["_lessons", "_class_map", "_certainty", "_held"],
];

/** @param {import("./scene.js").Meta} meta */
export const sizesOf = (meta) => ({
  nStates: meta.state_names.length,
  nImages: meta.n_images,
  nPatches: meta.rows * meta.cols,
  nPrefix: meta.prefix.length,
});

/** @param {import("../lib/received.js").Get} get @returns {() => import("./scene.js").Data} */
export function reader(get) {
  const meta = get("_meta");
  const sizes = sizesOf(meta);
  const pictures = received(get, DATA.slice(0, 3), () => new Pictures(meta, asUint8(get("_thumbs")), { of: get("_picture_of"), rgb: asUint8(get("_picture")) }));
  const components = received(
    get,
    DATA.slice(3, 6),
    () => new Components(sizes, { codes: asUint8(get("_components")), figure: asUint8(get("_foreground")), variance: asFloat32(get("_variance")) }),
  );
  const similar = received(get, DATA.slice(6, 9), () => {
    const [image, token] = get("_similar_of");
    return token === undefined ? null : new Similar(sizes, int16(get("_similarity")), int16(get("_similar_prefix")), { image, token });
  });
  const groups = received(get, DATA.slice(9, 11), () => (get("_groups_of").length ? new Groups(sizes, get("_groups_of"), asUint8(get("_groups"))) : null));
  const taught = received(
    get,
    DATA.slice(11),
    () => new Taught(sizes, get("_lessons"), { map: int16(get("_class_map")), certainty: new Uint16Array(asUint8(get("_certainty")).buffer), held: int16(get("_held")) }),
  );
  return received(get, DATA, () => ({ meta, pictures: pictures(), components: components(), similar: similar(), groups: groups(), taught: taught() }));
}

/** @param {DataView | undefined} view */
const int16 = (view) => /** @type {Int16Array} */ (asIds(view, 2));
