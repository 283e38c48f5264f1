// Which parts there are, and where they stand in the widget.
import { element, fill } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { playButton } from "../lib/play_button.js";
import { stateWords } from "../lib/state_words.js";
import { whenChanged } from "../lib/changes.js";
import { pasteControl, referenceControl, viewControl } from "./controls.js";
import { curves } from "./curves.js";
import { large } from "./large.js";
import { legend } from "./legend.js";
import { besideStrip, lensControl } from "./lenses.js";
import { imageControl, maskButtons, objectControl, ratioControl, seedControl } from "./mask_controls.js";
import { readout } from "./readout.js";
import { masked, original } from "./stills.js";
import { strip } from "./strip.js";
import { statisticsWords, subtitle } from "./words.js";

/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Scene} Scene */

/**
 * @param {import("./painting.js").Meta} meta
 * @param {import("./scene.js").Actions} actions
 * @param {string} whyNoMask  why no other mask can be infilled; empty where one can
 */
export function assemble(meta, actions, whyNoMask) {
  const errors = errorStrip();
  const image = imageControl(meta, actions);
  const ofMask = [...(image ? [image] : []), ratioControl(actions), seedControl(actions), maskButtons(actions), objectControl(actions)];
  const ofView = [pasteControl(actions), referenceControl(actions), viewControl(actions)];
  const line = readout();
  const titled = heading(meta);
  const lenses = meta.lenses ? [lensControl(meta.lenses, actions)] : [];
  const besides = meta.lenses ? [besideStrip(meta, actions)] : [];
  const stills = [original(meta, actions), masked(meta, actions, whyNoMask ? "" : "paint here")];
  const [title, view, under, film, scores] = [largeTitle(meta, actions), large(meta, actions), legend(), strip(meta, actions), curves(meta, actions)];
  const node = element(
    "div",
    "vitlens vl-infill-strip",
    {},
    element("div", "vl-header", {}, titled.node, line.node),
    meta.statistics ? element("p", `vl-statistics ${meta.statistics === "target" ? "vl-leak" : ""}`, {}, statisticsWords(meta.statistics)) : null,
    element("div", "vl-controls", {}, maskGroup(ofMask, whyNoMask), element("div", "vl-control-group vl-of-view", {}, ...nodes(ofView))),
    errors.node,
    ...nodes(lenses),
    element(
      "div",
      "vl-body",
      {},
      element("div", "vl-stills", {}, ...nodes(stills)),
      element("div", "vl-large", {}, title.node, view.node, under.node),
      element("section", "vl-states", { "aria-label": "States" }, film.node, ...nodes(besides)),
      scores.node,
    ),
  );
  return { node, errors, parts: [titled, ...lenses, ...besides, ...ofMask, ...ofView, line, ...stills, title, view, under, film, scores] };
}

/** @param {Part[]} parts @param {string} whyNot  empty where they can be used */
export const maskGroup = (parts, whyNot) =>
  element(whyNot ? "fieldset" : "div", "vl-control-group", { disabled: whyNot !== "", title: whyNot || null }, ...nodes(parts));

/** @param {Part[]} parts */
const nodes = (parts) => parts.map(({ node }) => node);

/** @param {import("./painting.js").Meta} meta @returns {Part} */
function heading(meta) {
  const words = element("span", "vl-secondary");
  const node = element(
    "div",
    "vl-heading",
    {},
    element("h2", "vl-title", {}, "Infilling"),
    meta.caption ? element("span", "vl-caption", { title: meta.caption }, meta.caption) : null,
    words,
  );
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.lens], ({ choices: { lens } }) => {
    words.textContent = words.title = subtitle(meta, meta.lenses ? lens : undefined);
  });
  return { node, update };
}

/** The button that plays, and what stands large. @param {import("./painting.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {Part} */
function largeTitle(meta, actions) {
  const play = playButton(actions.play);
  const name = element("h3", "vl-title");
  const hint = element("span", "vl-secondary");
  const node = element("div", "vl-head", {}, play.node, name, hint);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.playing], (s) => play.show(s.playing)),
    whenChanged((s) => [s.choices.state, s.choices.view], ({ choices: { state, view } }) => {
      const isStill = view === "original" || view === "masked";
      const stateName = meta.state_names[state] ?? "";
      fill(name, isStill ? `The ${view} image` : `State ${stateName}`);
      fill(hint, view === "wipe" ? "drag across to wipe" : isStill ? "" : (stateWords(stateName, state).split(": ")[1] ?? ""));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}
