// One token through the states by every lens, under the axis of states; nothing where there is but
// one lens.
import { element } from "../lib/dom.js";
import { Remembered } from "../lib/remembered.js";
import { lensCurves } from "../patch_grid/lens_curves.js";
import { centreAt } from "./layout.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

/** Room for numbers, where nothing stands at the left of the columns. */
const TICKS = 44;

/** @param {import("./scene.js").Meta} meta @param {import("./assembly.js").Families} actions @returns {Part} */
export function curvesLane(meta, { own, grid }) {
  const remembered = new Remembered();
  const curves = meta.lenses ? lensCurves({ ...grid, choose: own.choose }) : null;
  const node = element("div", "vl-lane-curves", { hidden: !curves }, curves?.node);
  const update = (/** @type {Scenes} */ { page: { axis, layout: whole }, grid: scene }) => {
    const layout = remembered.get("layout", [scene.layout, axis], () => underAxis(scene.layout, axis, whole.left > 0 ? 0 : TICKS));
    curves?.update({ ...scene, layout });
  };
  return { node, update };
}

/** @param {import("../patch_grid/layout.js").Layout} layout @param {import("./layout.js").Axis} axis @param {number} left */
const underAxis = (layout, axis, left) => ({
  ...layout,
  rightWidth: axis.width,
  axis: { left, centres: Array.from({ length: axis.nStates }, (_, state) => centreAt(axis, state)) },
});
