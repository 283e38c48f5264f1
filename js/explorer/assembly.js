// Which parts there are, and where they stand in the widget.
import { chips } from "../attention_maps/chips.js";
import { directionControl, scaleControl, statisticControl } from "../attention_maps/controls.js";
import { headStrip } from "../attention_maps/head_strip.js";
import { legend } from "../attention_maps/legend.js";
import { map } from "../attention_maps/map.js";
import { overview } from "../attention_maps/overview.js";
import { picture as lookPicture } from "../attention_maps/picture.js";
import { element } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { classLegend } from "../patch_grid/class_legend.js";
import { glyphControl, tintControl } from "../patch_grid/controls.js";
import { lensControl } from "../patch_grid/lens_control.js";
import { picture } from "../patch_grid/picture.js";
import { readoutChips } from "../patch_grid/readout_chips.js";
import { targetSearch } from "../patch_grid/target_search.js";
import { tintLegend } from "../patch_grid/tint_legend.js";
import { stateLanes } from "./lanes_section.js";
import { infillSection } from "./infill_section.js";
import { knockOut } from "./knock_out.js";
import { openButton } from "../lib/open_image.js";
import { pairLine } from "./pair_line.js";
import { answersTitle, headsTitle, lookTitle } from "./titles.js";

/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Meta} Meta */

/**
 * @typedef {object} Families  the actions of each family of parts
 * @property {import("./scene.js").Actions} own
 * @property {import("../patch_grid/scene.js").Actions} grid
 * @property {import("../attention_maps/scene.js").Actions} attention
 * @property {import("../infill_strip/scene.js").Actions} infill
 */

/** @param {{ node: HTMLElement, update: (scene: import("../patch_grid/scene.js").Scene) => void }} part @returns {Part} */
const ofGrid = ({ node, update }) => ({ node, update: ({ grid }) => update(grid) });
/** @param {{ node: HTMLElement, update: (scene: import("../attention_maps/scene.js").Scene) => void }} part @returns {Part} */
const ofAttention = ({ node, update }) => ({ node, update: ({ attention }) => update(attention) });

/**
 * @param {Meta} meta
 * @param {import("../infill_strip/painting.js").Meta | null} infillMeta
 * @param {import("../attention_maps/tokens.js").Tokens} tokens
 * @param {import("../patch_grid/reading.js").Reading} reading
 * @param {Families} actions
 * @param {string} whyNoKernel  why nothing can be computed anew; empty where it can
 * @param {import("../patch_grid/scene.js").Part | null} field  where new prompts are typed
 */
export function assemble(meta, infillMeta, tokens, reading, actions, whyNoKernel, field) {
  const errors = errorStrip();
  const hasAnswers = meta.n_classes > 0;
  const controls = hasAnswers ? [glyphControl(actions.grid), tintControl(actions.grid), targetSearch(reading, actions.grid)].map(ofGrid) : [];
  const answers = [answersTitle(meta), ...(hasAnswers ? [ofGrid(readoutChips(reading, actions.grid))] : []), ofGrid(picture(reading, actions.grid)), ...(hasAnswers ? [ofGrid(tintLegend())] : [])];
  const direction = ofAttention(directionControl(actions.attention));
  const look = [lookTitle(direction), ofAttention(chips(tokens, actions.attention)), ofAttention(lookPicture(tokens, actions.attention)), ofAttention(legend())];
  const [sorting, scale] = [ofAttention(statisticControl("Sort by", "sort", ["layer", "layer"], actions.attention)), ofAttention(scaleControl(actions.attention))];
  const [heads, large, strips] = [overview(meta, actions.attention), map(meta, tokens, actions.attention), headStrip(meta, actions.attention)].map(ofAttention);
  const [off, line] = [knockOut(hasAnswers, actions.own), pairLine()];
  const lanes = stateLanes(meta, actions, ofGrid(classLegend(actions.grid)));
  const infill = infillMeta ? infillSection(infillMeta, infillMeta.state_names.length !== meta.state_names.length, actions, whyNoKernel) : null;
  const ofHeads = /** @type {Part[]} */ ([headsTitle(), sorting, scale, heads, large, strips]);
  const top = element(
    "div",
    "vl-top",
    {},
    section("vl-answers-side", "Patch answers", nodes(answers)),
    section("vl-attention-maps vl-look", "Attention on the image", nodes(look)),
    headsSection(ofHeads),
  );
  const lenses = meta.lenses ? ofGrid(lensControl(meta.lenses, actions.grid)) : null;
  const node = element(
    "div",
    "vitlens vl-explorer",
    {},
    element("div", "vl-header", {}, heading(meta, infillMeta), openButton(actions.own.open, whyNoKernel), element("div", "vl-controls", {}, ...nodes(controls))),
    errors.node,
    lenses?.node,
    field?.node,
    off.node,
    top,
    element("div", "vl-attention-maps vl-pair-frame", { "data-mode": "columns" }, line.node),
    lanes.node,
    infill?.node,
  );
  return { node, errors, parts: [...controls, ...(lenses ? [lenses] : []), ...(field ? [ofGrid(field)] : []), ...answers, direction, ...look, ...ofHeads, off, line, lanes, ...(infill ? [infill] : [])] };
}

/** @param {Part[]} parts */
const nodes = (parts) => parts.map(({ node }) => node);

/** @param {string} className @param {string} label @param {HTMLElement[]} children */
const section = (className, label, children) => element("section", className, { "aria-label": label }, ...children);

/** @param {Part[]} parts  title, sorting, scale, overview, map, strips */
function headsSection(parts) {
  const [head, sorting, scale, heads, large, strips] = nodes(parts);
  return element(
    "section",
    "vl-attention-maps vl-heads-side",
    { "aria-label": "All heads" },
    element("div", "vl-heads-map", {}, element("div", "vl-overview", {}, head, heads), element("div", "vl-large", {}, large)),
    element("div", "vl-heads-controls", {}, sorting, scale),
    strips,
  );
}

/** @param {Meta} meta @param {import("../infill_strip/painting.js").Meta | null} infillMeta */
function heading(meta, infillMeta) {
  const words = infillMeta ? `${meta.model_name} and ${infillMeta.model_name}` : meta.model_name;
  return element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Explore"), element("span", "vl-secondary", { title: words }, words));
}
