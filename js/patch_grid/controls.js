// The controls that change all views: what stands on a patch, what its colour says.
import { menu, segments } from "../lib/controls.js";
import { whenChanged } from "../lib/changes.js";
import { imageControl as ofBatch } from "../lib/image_control.js";
import { TINTS } from "./tints.js";

/** @typedef {import("./scene.js").Actions} Actions */

/** @type {[import("./scene.js").Glyph, string][]} */
const GLYPHS = [
  ["emoji", "Emoji"],
  ["label", "Label"],
  ["none", "None"],
];

/** @param {import("./reading.js").Reading} reading @param {Actions} actions @returns {import("./scene.js").Part | null} null where there is one image */
export const imageControl = (reading, { choose }) =>
  ofBatch({ rows: reading.rows, cols: reading.cols, n_images: reading.meta.n_images }, {
    choose: (image) => choose({ image: image ?? 0 }),
    chosenOf: (/** @type {import("./scene.js").Scene} */ s) => s.image,
    smallOf: (s) => s.small,
    whyNot: (s) => (s.canAsk ? null : "This page has no kernel to read another image"),
  });

/** @param {Actions} actions @returns {import("./scene.js").Part} */
export function glyphControl(actions) {
  const { node, show } = segments("Show", "Show on each patch", GLYPHS, (glyph) =>
    actions.choose({ glyph: /** @type {import("./scene.js").Glyph} */ (glyph) }),
  );
  return { node, update: whenChanged((s) => [s.glyph], ({ glyph }) => show(glyph)) };
}

/** @param {Actions} actions @returns {import("./scene.js").Part} */
export function tintControl(actions) {
  const { node, show } = menu("Tint", "Tint", TINTS, (tint) =>
    actions.choose({ tint: /** @type {import("./tints.js").TintName} */ (tint) }),
  );
  const update = whenChanged((/** @type {import("./scene.js").Scene} */ s) => [s.quantity], ({ quantity }) => {
    node.hidden = !TINTS.some(([name]) => name === quantity); // a difference of runs has a colour of its own
    show(quantity);
  });
  return { node, update };
}
