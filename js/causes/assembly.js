// Which parts there are, and where they stand in the widget.
import { element } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { circuitPart } from "./circuit_part.js";
import { againstControl, coverControl, directionControl, imageControl, targetControl } from "./controls.js";
import { film } from "./film.js";
import { exchangedList } from "./list.js";
import { pairView } from "./pair_view.js";
import { partMap } from "./part_map.js";
import { readout } from "./readout.js";
import { sums } from "./sums.js";
import { tokenMap } from "./token_map.js";
import { subtitle } from "./words.js";

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./scene.js").Tokens} tokens
 * @param {import("./scene.js").Row[]} rows
 * @param {import("../relevance_maps/classes.js").Classes} classes
 * @param {import("./scene.js").Actions} actions
 */
export function assemble(meta, tokens, rows, classes, actions) {
  const strip = errorStrip();
  const image = imageControl(meta, actions);
  const cover = coverControl(meta, actions);
  const controls = [...(image ? [image] : []), ...(cover ? [cover] : []), targetControl(classes.searched, actions), againstControl(classes.searched, actions), directionControl(meta, actions)];
  const pair = pairView(meta);
  const parts = partMap(meta, rows, actions);
  const large = tokenMap(tokens, actions, meta.covers.length > 0);
  const states = film(meta, actions);
  const added = sums(meta, actions);
  const circuit = circuitPart(meta, actions);
  const list = exchangedList(actions);
  const numbers = readout();
  const words = subtitle(meta);
  const heading = element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Causes"), element("span", "vl-secondary", { title: words }, words));
  const header = element("div", "vl-header", {}, heading, element("div", "vl-controls", {}, ...controls.map(({ node }) => node)));
  const note = element("p", "vl-no-gap", { role: "status", hidden: true });
  const flow = element("div", "vl-flow", {}, states.node, added.node);
  const body = element("div", "vl-body", {}, pair.node, parts.node, large.node, flow, list.node, circuit.node);
  const node = element("div", "vitlens vl-causes", {}, header, strip.node, note, body, numbers.node);
  return { node, strip, note, flow, body, parts: [...controls, pair, parts, large, states, added, circuit, list, numbers] };
}
