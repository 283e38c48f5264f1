// The rows of a masked autoencoder: the mask, what is painted from each state, how near it is.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { maskGroup } from "../infill_strip/assembly.js";
import { curves } from "../infill_strip/curves.js";
import { pasteControl } from "../infill_strip/controls.js";
import { maskButtons, objectControl, ratioControl, seedControl } from "../infill_strip/mask_controls.js";
import { masked } from "../infill_strip/stills.js";
import { readout } from "../infill_strip/readout.js";
import { score } from "../infill_strip/words.js";
import { axis } from "./axis.js";
import { paintings } from "./infill_lane.js";
import { band } from "./lanes.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

const CURVES = ["MSE", "SSIM"];

/**
 * @param {import("../infill_strip/painting.js").Meta} meta
 * @param {boolean} isDeeper  it has other states than the model: an axis of its own
 * @param {import("./assembly.js").Families} actions
 * @param {string} whyNoMask  why no other mask can be infilled; empty where one can
 * @returns {Part}
 */
export function infillSection(meta, isDeeper, { own, infill }, whyNoMask) {
  const fold = element("button", "vl-fold", { type: "button" }, element("span", "vl-fold-sign", { "aria-hidden": "true" }, "▾"), element("span", "vl-title", {}, "Infilling"));
  fold.addEventListener("click", () => own.fold());
  const summary = element("span", "vl-secondary");
  const slider = isDeeper ? axis(meta.state_names, (page) => ({ axis: page.infillAxis, chosen: page.infillState }), (state) => infill.choose({ state })) : null;
  const controls = [ratioControl(infill), seedControl(infill), maskButtons(infill), objectControl(infill), pasteControl(infill)];
  const [still, line, scores, films] = [masked(meta, infill, whyNoMask ? "" : "paint here"), readout(), curves(meta, infill, CURVES), paintings(meta, infill)];
  const current = band();
  const group = maskGroup(controls, whyNoMask);
  const head = element("div", "vl-head", {}, fold, summary);
  const body = [
    element("div", "vl-lane", {}, element("div", "vl-lane-head vl-mask", {}, group, still.node, line.node), element("div", "", {}, films.node, scores.node)),
    element("div", "vl-lane-bands", {}, current.node),
  ];
  const node = element("section", "vl-infill-strip vl-lanes", { "aria-label": "Infilling" }, element("div", "vl-lane vl-lane-axis", {}, head, slider?.node ?? element("div")), ...body);
  const parts = [...controls, still, line, scores];
  const drawings = [
    whenChanged((/** @type {Scenes} */ { page }) => [page.folded], ({ page: { folded } }) => {
      fold.setAttribute("aria-expanded", String(!folded));
      for (const one of body) one.hidden = folded;
      node.classList.toggle("vl-folded", folded);
    }),
    whenChanged(({ page }) => [page.infillAxis, page.infillState], ({ page }) => current.place(page.infillAxis, page.infillState)),
    whenChanged(({ page, infill: scene }) => [page.infillState, page.folded, scene?.data.numbers], ({ page, infill: scene }) => {
      const mse = scene?.data.numbers.column(0, "original")[page.infillState] ?? NaN;
      fill(summary, page.folded ? `MSE ${score(mse, 4)} at ${meta.state_names[page.infillState]}` : isDeeper ? `${meta.model_name} has states of its own` : "each state through the same decoder");
    }),
  ];
  const update = (/** @type {Scenes} */ scenes) => {
    drawings.forEach((draw) => draw(scenes));
    slider?.update(scenes.page);
    films.update(scenes);
    const { infill: scene } = scenes;
    if (scene) for (const part of parts) part.update(scene);
  };
  return { node, update };
}
