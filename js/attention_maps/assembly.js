// Which parts there are, and where they stand in the widget.
import { element } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { chips } from "./chips.js";
import { directionControl, imageControl, kindControl, normControl, scaleControl, showControl, statisticControl } from "./controls.js";
import { headStrip } from "./head_strip.js";
import { legend } from "./legend.js";
import { map } from "./map.js";
import { neuronView } from "./neuron_view.js";
import { overview } from "./overview.js";
import { overviewNote } from "./overview_note.js";
import { picture } from "./picture.js";
import { readout } from "./readout.js";
import { original } from "./original.js";
import { subtitle } from "./words.js";

/** @typedef {import("./scene.js").Part} Part */

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./tokens.js").Tokens} tokens
 * @param {import("./scene.js").Actions} actions
 */
export function assemble(meta, tokens, actions) {
  const strip = errorStrip();
  const image = imageControl(meta, actions);
  const controls = [...(image ? [image] : []), showControl(actions), kindControl(actions), scaleControl(actions), normControl(actions)];
  const sorting = statisticControl("Sort by", "sort", ["layer", "layer"], actions);
  const heads = [overview(meta, actions), overviewNote(actions)];
  const large = [map(meta, tokens, actions), legend()];
  const direction = directionControl(actions);
  const onImage = [chips(tokens, actions), picture(tokens, actions), original(meta)];
  const others = [headStrip(meta, actions), neuronView(actions), readout(actions)];
  const [aboutHead, neurons, pair] = nodes(others);
  const node = element(
    "div",
    "vitlens vl-attention-maps",
    {},
    element("div", "vl-header", {}, heading(meta), element("div", "vl-controls", {}, ...nodes(controls))),
    strip.node,
    element(
      "div",
      "vl-body",
      {},
      element("section", "vl-overview", { "aria-label": "Overview" }, titled("All heads", sorting.node), ...nodes(heads)),
      element("div", "vl-large", {}, ...nodes(large)),
      element("section", "vl-on-image", { "aria-label": "On the image" }, titled("On the image", direction.node), ...nodes(onImage)),
      aboutHead,
    ),
    neurons,
    pair,
  );
  return { node, strip, parts: [...controls, sorting, ...heads, ...large, direction, ...onImage, ...others] };
}

/** @param {Part[]} parts */
const nodes = (parts) => parts.map(({ node }) => node);

/** @param {string} title @param {HTMLElement} control */
const titled = (title, control) => element("div", "vl-head", {}, element("h3", "vl-title", {}, title), control);

/** @param {import("./scene.js").Meta} meta */
function heading(meta) {
  const words = subtitle(meta);
  return element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Attention"), element("span", "vl-secondary", { title: words }, words));
}
