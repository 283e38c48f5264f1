// Heads switched off: the button for the head shown, those that are off, what to look at, and what
// it has changed.
import { segments } from "../lib/controls.js";
import { element, fill, icon, setAttributes } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { labelNode } from "../lib/label_nodes.js";
import { counted, decimal, probability } from "../lib/numbers.js";
import { part, quiet, value } from "../lib/readout.js";

/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./scene.js").Actions} Actions */

const CROSS = "M4.5 4.5l7 7M11.5 4.5l-7 7";
const OFF = "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM4.2 4.2l7.6 7.6";

/** @type {[string, string][]} */
const RUNS = [["edited", "Edited"], ["baseline", "Baseline"], ["difference", "Difference"]];

/** @param {boolean} hasAnswers  there is a difference to be shown @param {Actions} actions @returns {import("./scene.js").Part} */
export function knockOut(hasAnswers, actions) {
  const button = element("button", "vl-button vl-off-button", { type: "button" });
  const chips = element("div", "vl-off-heads", { role: "group", "aria-label": "Heads that are off" });
  const clear = element("button", "vl-button", { type: "button" }, "All on");
  const runs = segments("Show", "Which run is shown", hasAnswers ? RUNS : RUNS.slice(0, 2), (run) =>
    actions.choose({ run: /** @type {import("./scene.js").Choices["run"]} */ (run) }),
  );
  const result = element("div", "vl-off-result", { role: "status", "aria-live": "polite" });
  const node = element("section", "vl-off", { "aria-label": "Heads off" }, button, chips, clear, runs.node, result);
  /** @type {[number, number]} */
  let current = [0, 0];
  button.addEventListener("click", () => actions.switchHead(...current));
  clear.addEventListener("click", () => actions.switchAllOn());
  chips.addEventListener("click", ({ target }) => {
    const chip = target instanceof Element ? target.closest("[data-layer]") : null;
    if (chip) actions.switchHead(Number(chip.getAttribute("data-layer")), Number(chip.getAttribute("data-head")));
  });
  const drawings = [
    whenChanged((/** @type {Scenes} */ { page }) => [page.block, page.choices.head, page.requested, page.canAsk], ({ page }) => {
      current = [page.block, page.choices.head];
      const isOff = page.requested.some((pair) => pair[0] === current[0] && pair[1] === current[1]);
      fill(button, icon(OFF), `${isOff ? "Switch on" : "Knock out"} L${current[0]} H${current[1]}`);
      setAttributes(button, { "aria-pressed": String(isOff), title: page.canAsk ? "Run the model with this head’s output set to zero (K)" : NO_KERNEL });
      button.disabled = clear.disabled = !page.canAsk;
    }),
    whenChanged(({ page }) => [page.requested], ({ page: { requested } }) => {
      fill(chips, ...requested.map(chip));
      chips.hidden = clear.hidden = requested.length === 0;
    }),
    whenChanged(({ page }) => [page.choices.run, page.data.edited === null], ({ page }) => {
      runs.node.hidden = page.data.edited === null;
      runs.show(page.choices.run);
    }),
    whenChanged(
      ({ page }) => [page.data.edited?.reading, page.data.baseline.reading, page.choices.state, page.requested, page.canAsk],
      ({ page }) => fill(result, ...resultOf(page)),
    ),
  ];
  return { node, update: (scenes) => drawings.forEach((draw) => draw(scenes)) };
}

/** @param {[layer: number, head: number]} head */
function chip([layer, head]) {
  const words = `Switch layer ${layer}, head ${head} on again`;
  return element("button", "vl-chip vl-off-head", { type: "button", "data-layer": layer, "data-head": head, title: words, "aria-label": words }, `L${layer} H${head}`, icon(CROSS));
}

const HINT = "Choose a head, then press the button or K: the model runs without it, and what changes is shown.";
const NO_KERNEL = "This page has no kernel: heads are as they were saved.";

/** What the edited run says otherwise. @param {import("./scene.js").Page} page */
function resultOf({ data: { edited, baseline, divergence, without }, choices: { state }, requested, canAsk }) {
  if (!edited) return [element("span", "vl-hint", {}, requested.length ? "running the model without them …" : canAsk ? HINT : NO_KERNEL)];
  const [before, after] = [baseline.reading, edited.reading];
  if (before.nClasses === 0) return [element("span", "vl-hint", {}, `attention without ${counted(without.length, "head", "heads")}`)];
  const final = before.nStates - 1;
  const kl = divergence[before.at(final, before.readout)] ?? NaN;
  const changed = Array.from({ length: before.nPatches }, (_, i) => before.nPrefix + i).filter((token) => before.topClass(state, token) !== after.topClass(state, token)).length;
  const was = before.answer(final, before.readout).label.index;
  return [
    part(quiet("prediction"), ...answer(before, final), element("span", "vl-arrow", { role: "img", "aria-label": "becomes" }, "→"), ...answer(after, final), before.alone && quiet(before.kindWords)),
    was === after.answer(final, after.readout).label.index ? part(quiet("same answer")) : part(element("b", "vl-is-new", {}, "another answer")),
    part(quiet("KL"), value(decimal(kl)), quiet("nats")),
    part(value(`${changed} of ${before.nPatches}`), quiet(`patches answer otherwise at ${before.stateName(state)}`), element("span", "vl-changed-sign", { "aria-hidden": "true" })),
  ];
}

/** @param {import("../patch_grid/reading.js").Reading} reading @param {number} state */
function answer(reading, state) {
  const { label, probability: p } = reading.answer(state, reading.readout);
  return [labelNode(label, "vl-name vl-strong"), element("span", "vl-number", {}, probability(p, 3))];
}
