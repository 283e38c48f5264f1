// The curves of what the readout adds up, among the other parts: what is pointed at there chooses a
// layer, and the read-out line says the step.
import { element } from "../lib/dom.js";
import { CLASS_COLORS } from "../lib/colormaps.js";
import { whenChanged } from "../lib/changes.js";
import { attributionView } from "./attribution.js";
import { layerOf } from "./half_blocks.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function sums(meta, actions) {
  /** @type {number | null} */
  let pinned = null;
  const view = attributionView({
    passStep: (step) => actions.pass(step === null ? null : { step }),
    pinStep: (step) => {
      pinned = step;
      const layer = layerOf(step, meta.n_layers);
      if (layer === null) actions.pass({ step });
      else actions.choose({ layer });
    },
  });
  const why = element("p", "vl-secondary vl-wrap");
  const title = element("div", "vl-head", {}, element("h3", "vl-title", {}, "What the readout adds up"));
  const refused = element("section", "vl-refused", { "aria-label": "What the readout adds up", hidden: true }, title, why);
  const node = element("div", "vl-attribution-part", {}, view.node, refused);
  /** Made once for the same numbers: the view looks at identity. */
  let shown = { target: /** @type {any} */ (null), against: /** @type {any} */ (null) };
  const compose = whenChanged((/** @type {Scene} */ s) => [s.writes, s.classes, s.effects.of], (s) => {
    const { target, against } = s.effects.of;
    const one = (/** @type {number} */ index, /** @type {number} */ at) => ({ label: s.classes.label(index), color: CLASS_COLORS[at] ?? "#000000", logits: s.writes.logits[at] ?? [] });
    shown = { target: one(target, 0), against: against === null ? null : one(against, 1) };
  });
  const update = (/** @type {Scene} */ scene) => {
    const { writes, columns, choices, passing } = scene;
    const isThere = writes.logits.length > 0;
    view.node.hidden = !isThere;
    refused.hidden = isThere;
    why.textContent = writes.refused;
    if (!isThere) return;
    compose(scene);
    if (pinned !== null && layerOf(pinned, meta.n_layers) !== choices.layer) pinned = null;
    view.show({ columns, ...shown, readout: meta.readout, layer: choices.layer, passing: passing !== null && "step" in passing ? passing.step : null, pinned });
  };
  return { node, update };
}
