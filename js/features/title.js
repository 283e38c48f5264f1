// Which feature is looked at, what it fires for, and the way to the next one.
import { whenChanged } from "../lib/changes.js";
import { element, fill, icon } from "../lib/dom.js";
import { classMark } from "./name_node.js";
import { activation, grouped, longName, percent } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const [BACK, ON] = ["M10 3L5 8l5 5", "M6 3l5 5-5 5"];

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function title(meta, actions) {
  const name = element("h3", "vl-title");
  const about = element("span", "vl-title-about");
  const place = element("span", "vl-secondary vl-place");
  const arrow = (/** @type {string} */ path, /** @type {string} */ label) => element("button", "vl-button vl-icon-button", { type: "button", "aria-label": label, title: label }, icon(path));
  const [back, on] = [arrow(BACK, "Previous in the list, ["), arrow(ON, "Next in the list, ]")];
  /** @type {Scene | null} */
  let shown = null;
  const step = (/** @type {number} */ by) => {
    const next = shown && neighbour(shown, by);
    if (next !== null && next !== undefined) actions.go(next);
  };
  back.addEventListener("click", () => step(-1));
  on.addEventListener("click", () => step(1));
  const node = element("div", "vl-head vl-feature-head", {}, name, about, element("div", "vl-steps", {}, place, back, on));
  const update = whenChanged((/** @type {Scene} */ s) => [s.id, s.list, s.arrived], (s) => {
    shown = s;
    name.textContent = longName(s.catalogue.of(s.id), meta);
    fill(about, ...aboutNodes(s));
    place.textContent = s.at < 0 ? "not in the list" : `${grouped(s.at + 1)} of ${grouped(s.list.length)}`;
    back.disabled = neighbour(s, -1) === null;
    on.disabled = neighbour(s, 1) === null;
  });
  return { node, update };
}

/** The next in the list; into it, where the chosen one is not there. @param {Scene} scene @param {number} by */
export function neighbour({ list, at }, by) {
  const to = at < 0 ? 0 : at + by;
  return list[to] ?? null;
}

/** @param {Scene} scene */
function aboutNodes({ catalogue, id, meta, look }) {
  const quiet = (/** @type {string} */ words) => element("span", "vl-quiet", {}, words);
  const bold = (/** @type {string} */ words) => element("b", "", {}, words);
  const largest = catalogue.number("largest", id);
  if (!(largest > 0)) return [quiet("never above 0 on these images")];
  const [best, next] = look("sheet")?.said.areas ?? [];
  const often = [quiet("largest"), bold(activation(largest)), quiet("fires on"), bold(percent(catalogue.number("density", id)))];
  if (!best) return often;
  const interval = best[2] ? [element("span", "vl-quiet vl-interval", {}, `95 %: ${best[2][0].toFixed(3)} to ${best[2][1].toFixed(3)}`)] : [];
  const name = (/** @type {number} */ target) => element("b", "vl-name", { title: meta.labels[target]?.name ?? "" }, meta.labels[target]?.name ?? "");
  const second = next ? [quiet("next best"), classMark(meta.labels[next[0]]), element("span", "vl-next", { title: meta.labels[next[0]]?.name ?? "" }, next[1].toFixed(3))] : [];
  return [quiet("fires for"), classMark(meta.labels[best[0]]), name(best[0]), quiet("AUC"), bold(best[1].toFixed(3)), ...interval, ...second];
}
