// Beside the rows of answers: the original image with the classes found, and the token looked at
// with its answers in the state shown.
import { element, fill, icon } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { labelNode } from "../lib/label_nodes.js";
import { probability } from "../lib/numbers.js";
import { bar } from "../patch_grid/answers_table.js";
import { isNameless, lookedAt, SHOWN } from "./answers_lanes.js";
import { boxOf } from "./layout.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Part} Part */

const SIDE = 132;
export const PIN = "M9.5 1.5l5 5-1.2 1-1-.2-2.6 2.6.2 2.6-1.1 1.1-2.9-2.9-4 4-.6-.6 4-4-2.9-2.9L3.5 6l2.6.2L8.7 3.7l-.2-1z";

/** The image as the model saw it. @param {import("./scene.js").Meta} meta @returns {Part} */
export function originalImage(meta) {
  const canvas = element("canvas", "vl-canvas", { role: "img", "aria-label": "the image as the model saw it" });
  const name = element("figcaption", "vl-secondary", { title: meta.caption }, meta.caption || "image");
  const node = element("figure", "vl-original-image", {}, canvas, name);
  const { width, height } = boxOf(SIDE, meta);
  const update = whenChanged(({ grid: { grounds, ratio } }) => [grounds, ratio], ({ grid: { grounds, ratio } }) => {
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    canvas.getContext("2d")?.putImageData(grounds.copy("plain", canvas.width, canvas.height), 0, 0);
  });
  return { node, update };
}

/** @param {import("./scene.js").Meta} meta @returns {Part} */
export function tokenAnswers(meta) {
  const title = element("h3", "vl-title");
  const pin = element("span", "vl-pin", {}, icon(PIN, "solid"));
  const where = element("p", "vl-where-words");
  const rank = element("p", "vl-where-words");
  const first = element("div", "vl-first-answers");
  const node = element("div", "vl-token-answers", {}, element("div", "vl-head", {}, pin, title), where, rank, first);
  const update = whenChanged(
    (/** @type {Scenes} */ { grid: g, page }) => [lookedAt(g), g.token, g.state, g.reading, g.columns, page.axis],
    ({ grid, page }) => {
      const token = lookedAt(grid);
      const isReadout = token === grid.reading.readout;
      pin.hidden = token !== grid.token;
      title.textContent = pin.hidden ? (isReadout ? "Answers of the readout" : "Answers of this token") : "Answers of the pinned token";
      const who = isReadout ? `${meta.readout_name}, which the classifier reads` : `${grid.reading.describe(token)}, token ${token}`;
      where.textContent = `${who}: the most probable labels in each state`;
      fill(rank, `at ${grid.reading.stateName(grid.state)} the target `, labelNode(grid.target, "vl-name vl-strong"), ` has ${targetWords(grid, token)}`);
      first.hidden = !isNameless(page.axis.column);
      if (!first.hidden) fill(first, ...firstOf(grid, token));
    },
  );
  return { node, update };
}

/** Probability and rank of the target; "…" while they are on their way. @param {Scenes["grid"]} grid @param {number} token */
function targetWords({ reading, columns, state }, token) {
  if (!reading.isKnown(state, token)) return "…";
  const p = probability(reading.probability(columns, state, token), 3);
  return `${`${reading.kindWords} ${p}`.trim()}, rank ${columns.rank[reading.at(state, token)]} of ${reading.nClasses}`;
}

/** The first answers of the state shown with their names, for columns that have room for emoji alone. @param {Scenes["grid"]} grid @param {number} token */
function firstOf({ reading, state }, token) {
  const count = reading.isKnown(state, token) ? Math.min(SHOWN, reading.nAnswers) : 0;
  return Array.from({ length: count }, (_, place) => {
    const { label, probability: p } = reading.answer(state, token, place);
    return element("div", "vl-answer", {}, labelNode(label), element("span", "vl-number", {}, probability(p)), bar(p));
  });
}
