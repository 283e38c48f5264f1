// Which parts there are, and where they stand in the widget.
import { element } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { whenChanged } from "../lib/changes.js";
import { beside } from "./beside.js";
import { imageControl, seedControl, sortControl, workControl } from "./controls.js";
import { curve } from "./curve.js";
import { dots } from "./dots.js";
import { heads } from "./heads.js";
import { readout } from "./readout.js";
import { scatter } from "./scatter.js";
import { strength } from "./strength.js";
import { strip } from "./strip.js";
import { wipe } from "./wipe.js";
import { subtitle } from "./words.js";

/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Scene} Scene */

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions */
export function assemble(meta, actions) {
  const errors = errorStrip();
  const hasHeads = meta.n_heads > 0;
  const controls = some([imageControl(meta, actions), hasHeads && sortControl(actions), seedControl(meta, actions), workControl(actions)]);
  const table = tableOf(meta, some([strip(meta), curve(meta), hasHeads && heads(meta)]));
  const large = wipe(meta, actions);
  const around = beside(meta, actions);
  const ofHead = hasHeads ? [strength(meta, actions), dots(actions), scatter(meta, actions)] : [];
  const numbers = readout(meta);
  const words = subtitle(meta);
  const heading = element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Decoded"), element("span", "vl-secondary", { title: words }, words));
  const header = element("div", "vl-header", {}, heading, element("div", "vl-controls", {}, ...controls.map(({ node }) => node)));
  const stage = element("div", "vl-stage", {}, large.node, around.node);
  const [film, strips, tells] = ofHead.map(({ node }) => node);
  const one = element("div", "vl-one", {}, stage, element("div", "vl-one-numbers", {}, film, strips), tells);
  const node = element("div", `vitlens vl-decoded-images ${hasHeads ? "" : "vl-states-alone"}`, {}, header, errors.node, element("div", "vl-body", {}, table.node, one), numbers.node);
  return { node, errors, table: table.node, wipe: large.range, parts: [...controls, table, large, around, ...ofHead, numbers] };
}

/** @template P @param {(P | null | false)[]} parts @returns {P[]} */
const some = (parts) => /** @type {P[]} */ (parts.filter(Boolean));

/** Room for the rings of pictures at the edge, px; as in table.css. */
const RIM = 4;

/** States, curve and heads over one another, with a band behind the chosen state. @param {import("./scene.js").Meta} meta @param {Part[]} parts @returns {Part} */
function tableOf(meta, parts) {
  const band = element("div", "vl-band", { "aria-hidden": "true" });
  const inside = element("div", "vl-table", {}, band, ...parts.map(({ node }) => node));
  const node = element("div", "vl-window", {}, inside);
  const placed = whenChanged((/** @type {Scene} */ s) => [s.layout, s.choices.state, s.choices.sort], ({ layout, choices }) => {
    inside.style.width = `${Math.max(layout.total, layout.table)}px`;
    node.style.width = `${layout.table + 2 * RIM}px`;
    node.classList.toggle("vl-moves-under", layout.total > layout.table);
    band.style.left = `${layout.left + choices.state * layout.pitch - layout.gap / 2}px`;
    band.style.width = `${layout.pitch}px`;
    if (layout.total > layout.table) showColumn(node, layout, choices.state);
    band.classList.toggle("vl-of-states", choices.sort !== "layer" && meta.n_heads > 0);
  });
  const update = (/** @type {Scene} */ scene) => {
    parts.forEach((part) => part.update(scene));
    placed(scene);
    const last = inside.lastElementChild;
    band.style.bottom = band.classList.contains("vl-of-states") && last instanceof HTMLElement ? `${last.offsetHeight + 12}px` : "";
  };
  return { node, update };
}

/** Moves the table so that the chosen column is seen. @param {HTMLElement} window_ @param {import("./layout.js").Layout} layout @param {number} state */
function showColumn(window_, { left, pitch, table }, state) {
  const [from, to] = [state * pitch, left + (state + 1) * pitch];
  window_.scrollLeft = Math.min(from, Math.max(to - table, window_.scrollLeft));
}
