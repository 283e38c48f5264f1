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
import { besideStates } from "./beside_states.js";
import { lensControl } from "./lens_control.js";
import { lensCurves } from "./lens_curves.js";
import { whenChanged } from "../lib/changes.js";
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
  const names = reading.meta.lenses ?? [];
  const title = heading();
  const lenses = names.length > 1 ? lensControl(names, actions) : null;
  const films = lenses ? [filmstrip(reading, grounds, actions), besideStates(reading, grounds, actions), lensCurves(actions)] : [];
  const left = [readoutChips(reading, actions), picture(reading, actions), readoutLine(), tintLegend()];
  const others = [
    readoutList(reading, actions, thumbnail(grounds, imageWords(reading), reading.meta.caption)),
    ...(lenses ? [together(films)] : [filmstrip(reading, grounds, actions)]),
    answersTable(reading),
    classLegend(actions),
  ];
  const node = element(
    "div",
    "vitlens vl-patch-grid",
    {},
    element("div", "vl-header", {}, title.node, element("div", "vl-controls", {}, ...nodes(controls))),
    strip.node,
    lenses?.node,
    prompts?.node,
    element("div", "vl-body", {}, element("div", "vl-left", {}, ...nodes(left)), ...nodes(others)),
  );
  node.classList.toggle("vl-several", lenses !== null);
  return { node, strip, parts: [title, ...controls, ...(lenses ? [lenses] : []), ...(prompts ? [prompts] : []), ...left, ...others] };
}

/** @param {import("./scene.js").Part[]} parts */
const nodes = (parts) => parts.map(({ node }) => node);

/** The states of one lens or two, and the curves of all, one over the other. @param {import("./scene.js").Part[]} parts @returns {import("./scene.js").Part} */
const together = (parts) => ({ node: element("div", "vl-films", {}, ...nodes(parts)), update: (scene) => parts.forEach((part) => part.update(scene)) });

/** @returns {import("./scene.js").Part} */
function heading() {
  const words = element("span", "vl-secondary");
  const node = element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Patch answers"), words);
  const update = whenChanged((/** @type {import("./scene.js").Scene} */ s) => [s.run.name], ({ run }) => {
    words.textContent = words.title = subtitle(run.reading, run.name);
  });
  return { node, update };
}
