// Which parts there are, and where they stand in the widget.
import { element } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { answers } from "./answers.js";
import { findControl, hereControl, imageControl, picturesControl } from "./controls.js";
import { fires } from "./fires.js";
import { here } from "./here.js";
import { histogram } from "./histogram.js";
import { list } from "./list.js";
import { ownImage } from "./own_image.js";
import { readout } from "./readout.js";
import { scatter } from "./scatter.js";
import { strength } from "./strength.js";
import { table } from "./table.js";
import { neighbours, readers, writes } from "./tells.js";
import { tenths } from "./tenths.js";
import { title } from "./title.js";
import { dataWords, subtitle } from "./words.js";

/** @typedef {import("./scene.js").Part} Part */

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions */
export function assemble(meta, actions) {
  const errors = errorStrip();
  const find = findControl(meta, actions);
  const controls = [find, hereControl(meta, actions), imageControl(meta, actions), picturesControl(actions)].filter((one) => one !== null);
  const words = `${subtitle(meta)} · ${dataWords(meta)}`;
  const heading = element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Features"), element("span", "vl-secondary", { title: words }, subtitle(meta)), element("span", "vl-hint vl-data-words", {}, dataWords(meta)));
  const header = element("div", "vl-header", {}, heading, element("div", "vl-controls", {}, ...controls.map(({ node }) => node)));
  const left = [table(meta, actions), scatter(meta, actions), list(meta, actions)];
  const tells = [writes(), readers(), neighbours(actions)];
  const right = [title(meta, actions), fires(meta, actions), tenths(), histogram()];
  const below = [ownImage(meta, actions), strength(meta, actions), answers(meta), here(meta, actions)];
  const numbers = readout(meta);
  const nodes = (/** @type {Part[]} */ parts) => parts.map(({ node }) => node);
  const one = element("div", "vl-one", {}, ...nodes(right), element("div", "vl-tells", {}, ...nodes(tells)));
  const body = element("div", "vl-body", {}, element("div", "vl-all", {}, ...nodes(left)), one);
  const foot = element("div", `vl-below ${meta.n_images ? "" : "vl-no-image"}`, {}, ...nodes(below));
  const node = element("div", `vitlens vl-features ${meta.has_classes ? "" : "vl-no-classes"}`, {}, header, errors.node, body, numbers.node, foot);
  return { node, errors, input: find.input, parts: [...controls, ...left, ...right, ...tells, numbers, ...below] };
}
