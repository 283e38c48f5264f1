// What the groups have of their own: how many, by which seed, and what their colours are.
import { whenChanged } from "../lib/changes.js";
import { element, fill, icon } from "../lib/dom.js";
import { backgroundOf } from "./class_colors.js";
import { shownGroups } from "./groups.js";
import { stateName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Actions} Actions */

export const [LEAST, MOST] = [2, 12];
const MOST_SEED = 2 ** 53 - 1;
const [LESS, MORE] = ["M3.5 8h9", "M3.5 8h9M8 3.5v9"];

/** How many groups, and the seed. @param {Actions} actions @returns {Part} */
export function groupControls({ choose }) {
  const [k, seed] = [wholeField("Number of groups", LEAST, MOST, (n_groups) => choose({ n_groups })), wholeField("Seed of the groups", 0, MOST_SEED, (one) => choose({ seed: one }))];
  const [less, more] = [step(LESS, "One group less", () => choose({ n_groups: Number(k.value) - 1 })), step(MORE, "One group more", () => choose({ n_groups: Number(k.value) + 1 }))];
  const node = element("div", "vl-group-controls", {}, named("k", less, k, more), named("Seed", seed));
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.colours, s.choices.n_groups, s.choices.seed], ({ choices }) => {
    node.hidden = choices.colours !== "groups";
    k.value = String(choices.n_groups);
    seed.value = String(choices.seed);
    less.disabled = choices.n_groups <= LEAST;
    more.disabled = choices.n_groups >= MOST;
  });
  return { node, update };
}

/** @param {string} name @param {...HTMLElement} rest */
const named = (name, ...rest) => element("div", "vl-control", {}, element("span", "vl-control-name", {}, name), ...rest);

/** @param {string} path @param {string} title @param {() => void} run */
function step(path, title, run) {
  const node = element("button", "vl-button vl-icon-button", { type: "button", title, "aria-label": title }, icon(path));
  node.addEventListener("click", run);
  return node;
}

/** A number between two others; anything else typed into it is taken back. @param {string} label @param {number} least @param {number} most @param {(value: number) => void} choose */
function wholeField(label, least, most, choose) {
  const field = element("input", "vl-field", { type: "number", min: least, max: most, step: 1, "aria-label": label });
  let before = "";
  field.addEventListener("focus", () => (before = field.value));
  field.addEventListener("change", () => {
    const value = Number(field.value);
    if (field.value === "" || !Number.isInteger(value) || value < least || value > most) return void (field.value = before);
    before = field.value;
    choose(value);
  });
  // A focused field takes its own keys; the notebook, and the widget's, must not take them too.
  field.addEventListener("keydown", (event) => event.stopPropagation());
  return field;
}

/** Each group's colour, with its share of the patches in the state shown. @returns {Part} */
export function groupsMeaning() {
  const list = element("div", "vl-groups-list");
  const about = element("p", "vl-hint");
  const node = element("section", "vl-meaning vl-groups-meaning", { "aria-label": "What the colours mean" }, element("h3", "vl-title", {}, "What the colours mean"), about, list, element("p", "vl-hint", {}, "each state is grouped by itself; a group keeps its number where it keeps most patches"));
  /** @type {HTMLElement[]} */
  let rows = [];
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [shownGroups(s), s.choices.state, s.choices.image], (s) => {
      const groups = shownGroups(s);
      node.hidden = groups === null;
      if (!groups) return;
      about.textContent = `share of the patches at ${stateName(s.data.meta, s.choices.state)}`;
      const counts = groups.counts(s.choices.state, s.choices.image);
      const all = counts.reduce((sum, one) => sum + one, 0);
      rows = counts.map((count, group) => row(group, count, all, Math.max(...counts)));
      fill(list, ...rows);
    }),
    whenChanged((s) => [shownGroups(s), s.passing, s.choices.state, s.choices.image], (s) => {
      const at = s.passing === null ? -1 : (shownGroups(s)?.group(s.choices.state, s.choices.image, s.passing - s.data.meta.prefix.length) ?? -1);
      rows.forEach((one, group) => one.classList.toggle("vl-current", group === at));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {number} group @param {number} count @param {number} all @param {number} most */
function row(group, count, all, most) {
  const bar = element("span", "vl-group-bar");
  Object.assign(bar.style, { width: `${(100 * count) / most}%`, background: backgroundOf(group) });
  return element("div", "vl-group-row", { title: `${count} patches` }, swatchOf(group), element("span", "vl-quiet", {}, String(group + 1)), element("span", "vl-group-track", {}, bar), element("b", "vl-number", {}, percentWords(count / all)));
}

/** @param {number} group */
export function swatchOf(group) {
  const swatch = element("span", "vl-group-swatch", { "aria-hidden": "true" });
  swatch.style.background = backgroundOf(group);
  return swatch;
}

/** "23%", "<1%", "0%". @param {number} share */
export const percentWords = (share) => (share > 0 && share < 0.005 ? "<1%" : `${Math.round(100 * share)}%`);
