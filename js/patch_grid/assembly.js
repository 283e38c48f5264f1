// Which parts there are, and where they stand in the widget.
import { element } from "../lib/dom.js";
import { answersTable } from "./answers_table.js";
import { classLegend } from "./class_legend.js";
import { glyphControl, imageControl, tintControl } from "./controls.js";
import { errorStrip } from "../lib/error_strip.js";
import { filmstrip } from "./filmstrip.js";
import { picture } from "./picture.js";
import { readoutChips, readoutList } from "./readout_chips.js";
import { readoutLine } from "./readout_line.js";
import { targetSearch } from "./target_search.js";
import { thumbnail } from "../lib/thumbnail.js";
import { tintLegend } from "./tint_legend.js";
import { imageWords, subtitle } from "./words.js";

/**
 * @param {import("./reading.js").Reading} reading
 * @param {import("../lib/grounds.js").Grounds} grounds
 * @param {import("./scene.js").Actions} actions
 * @param {import("./scene.js").Part | null} prompts  where new ones can be answered
 */
export function assemble(reading, grounds, actions, prompts) {
  const strip = errorStrip();
  const image = imageControl(reading, actions);
  const controls = [...(image ? [image] : []), glyphControl(actions), tintControl(actions), targetSearch(reading, actions)];
  const left = [readoutChips(reading, actions), picture(reading, actions), readoutLine(), tintLegend()];
  const others = [
    readoutList(reading, actions, thumbnail(grounds, imageWords(reading), reading.meta.caption)),
    filmstrip(reading, grounds, actions),
    answersTable(reading),
    classLegend(actions),
  ];
  const node = element(
    "div",
    "vitlens vl-patch-grid",
    {},
    element("div", "vl-header", {}, heading(reading), element("div", "vl-controls", {}, ...nodes(controls))),
    strip.node,
    prompts?.node,
    element("div", "vl-body", {}, element("div", "vl-left", {}, ...nodes(left)), ...nodes(others)),
  );
  return { node, strip, parts: [...controls, ...(prompts ? [prompts] : []), ...left, ...others] };
}

/** @param {import("./scene.js").Part[]} parts */
const nodes = (parts) => parts.map(({ node }) => node);

/** @param {import("./reading.js").Reading} reading */
function heading(reading) {
  const words = subtitle(reading);
  return element(
    "div",
    "vl-heading",
    {},
    element("h2", "vl-title", {}, "Patch answers"),
    element("span", "vl-secondary", { title: words }, words),
  );
}
