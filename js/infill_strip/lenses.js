// Several lenses that fill in the same: which is shown, and the states of another under its own.
import { whenChanged } from "../lib/changes.js";
import { menu, segments } from "../lib/controls.js";
import { element } from "../lib/dom.js";
import { chart } from "./chart.js";
import { strip } from "./strip.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */

const NONE = "none";
const MSE = 0;

/** @param {string[]} names @param {import("./scene.js").Actions} actions @returns {Part} */
export function lensControl(names, actions) {
  const options = names.map((name) => /** @type {[string, string]} */ ([name, name]));
  let [now, other] = ["", /** @type {string | null} */ (null)];
  const shown = segments("Lens", "Lens", options, (lens) => actions.choose(lens === other ? { lens, beside: now } : { lens }));
  const beside = menu("Compare with", "Lens to compare with", [], (name) => actions.choose({ beside: name === NONE ? null : name }));
  const node = element("div", "vl-lenses", { role: "group", "aria-label": "Lenses" }, shown.node, beside.node);
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.lens, s.choices.beside], ({ choices }) => {
    [now, other] = [choices.lens ?? "", choices.beside ?? null];
    shown.show(now);
    beside.offer([[NONE, "none"], ...options.filter(([name]) => name !== now)]);
    beside.show(other ?? NONE);
  });
  return { node, update };
}

/**
 * What the other lens paints from each state, and the errors of both on one axis.
 * @param {import("./painting.js").Meta} meta
 * @param {import("./scene.js").Actions} actions
 * @returns {Part}
 */
export function besideStrip(meta, actions) {
  const name = element("h3", "vl-title");
  const film = strip(meta, actions);
  const errors = chart({ name: "MSE by both lenses", better: "lower is better", digits: 4, from: 0 });
  const keys = element("div", "vl-foot");
  const node = element("div", "vl-beside", {}, name, film.node, element("div", "vl-plots", {}, errors.node), keys);
  const draw = whenChanged((/** @type {Scene} */ s) => [s.layout, s.choices.state, s.choices.reference, s.choices.lens, s.data.numbers, s.data.beside?.data.numbers], (s) => {
    const { data, choices, layout } = s;
    if (!data.beside) return;
    const pitch = layout.centres.length > 1 ? (layout.centres[1] ?? 0) - (layout.centres[0] ?? 0) : layout.right;
    name.textContent = `By the ${data.beside.name}`;
    errors.draw({
      original: data.numbers.column(MSE, choices.reference),
      final: data.beside.data.numbers.column(MSE, choices.reference),
      centres: layout.centres,
      width: layout.right,
      chosen: choices.state,
      labelled: new Set(pitch >= 50 ? layout.centres.map((_, state) => state) : [choices.state]),
      names: meta.state_names,
      words: [choices.lens ?? "", data.beside.name],
    });
    const to = choices.reference === "original" ? "against the original" : "against what each paints at the end";
    keys.replaceChildren(key("original", choices.lens ?? ""), key("final", data.beside.name), element("span", "vl-foot-words", {}, `${to}, on the masked patches`));
  });
  const update = (/** @type {Scene} */ scene) => {
    const { beside } = scene.data;
    node.hidden = beside === null;
    if (!beside) return;
    film.update({ ...scene, data: beside.data });
    draw(scene);
  };
  return { node, update };
}

/** @param {string} kind @param {string} words */
const key = (kind, words) => element("span", "vl-key", {}, element("i", `vl-key-${kind}`), words);
