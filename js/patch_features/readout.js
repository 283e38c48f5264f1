// Exact values in a fixed place: a floating tooltip would hide the neighbours one compares with.
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { emojiNode } from "../lib/label_nodes.js";
import { line, part, quiet, value } from "../lib/readout.js";
import { swatchOf } from "./group_parts.js";
import { shownGroups } from "./groups.js";
import { pinnedHere } from "./places.js";
import { cosineWords, describe, grouped, imageWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */

const KEYS = "arrows move · Enter pins · [ ] state · T teaches this patch · Esc lets go";
/** Of a page without a kernel, which can compare no other patch. */
const FEWER_KEYS = "arrows move · [ ] state";

/** Of the mode "Look": the pinned token, the one pointed at, how alike they are. @returns {Part} */
export function lookReadout() {
  const words = element("div", "vl-readout-line", { role: "status", "aria-live": "polite" });
  const keys = element("span", "vl-hint");
  const node = element("div", "vl-look-readout", {}, words, keys);
  const update = whenChanged((/** @type {Scene} */ s) => [s.canAsk, s.passing, s.data.similar, shownGroups(s), s.choices.token, s.choices.state, s.choices.image], (s) => {
    const { similar, meta } = s.data;
    keys.textContent = s.canAsk ? KEYS : FEWER_KEYS;
    const invited = s.canAsk ? "Point at a patch; click to see what is like it." : "Point at a patch.";
    const group = s.passing === null ? null : groupPart(s, s.passing);
    if (!similar) return fill(words, element("span", "vl-hint", {}, s.passing === null ? invited : describe(meta, s.passing)), group);
    const pinned = place("vl-pinned", meta, similar.of.token, similar.of.image === s.choices.image ? "" : imageWords(meta, similar.of.image));
    const other = s.passing === null || s.passing === pinnedHere(s) ? null : s.passing;
    fill(words, pinned, ...(other === null ? prefixParts(s, similar, similar.of.token, similar.of.image) : otherParts(s, similar, other)), group);
  });
  return { node, update };
}

/** "group 3 of 6, 41 patches". @param {Scene} scene @param {number} token */
function groupPart(scene, token) {
  const { data, choices } = scene;
  const groups = shownGroups(scene);
  const group = groups?.group(choices.state, choices.image, token - data.meta.prefix.length) ?? -1;
  if (!groups || group < 0) return null;
  const count = groups.counts(choices.state, choices.image)[group] ?? 0;
  return part(swatchOf(group), quiet("group"), value(`${group + 1} of ${groups.k}, ${grouped(count)} ${count === 1 ? "patch" : "patches"}`));
}

/** @param {string} kind @param {import("./scene.js").Meta} meta @param {number} token @param {string} which */
function place(kind, meta, token, which) {
  return part(element("span", `vl-symbol ${kind}`), value(describe(meta, token)), quiet(`token ${token}${which ? `, ${which}` : ""}`));
}

/** @param {Scene} scene @param {import("./similar.js").Similar} similar @param {number} token */
function otherParts({ data: { meta }, choices }, similar, token) {
  const cosine = similar.cosine(choices.state, choices.image, token);
  const isPatch = token >= meta.prefix.length;
  const rank = isPatch && !Number.isNaN(cosine) && part(quiet("rank"), value(`${grouped(similar.rank(choices.state, choices.image, token))} of ${grouped(meta.rows * meta.cols)}`));
  return [quiet("→"), place("", meta, token, ""), part(quiet("cosine"), value(cosineWords(cosine))), rank || null];
}

/** How like the prefix tokens the pinned one is. @param {Scene} scene @param {import("./similar.js").Similar} similar @param {number} token @param {number} image */
function prefixParts({ data: { meta }, choices }, similar, token, image) {
  return meta.prefix.slice(0, 3).map((name, i) => (i === token ? null : part(quiet(name), value(cosineWords(similar.cosine(choices.state, image, i))))));
}

/** Of the mode "Teach": what a click would do, and what the patch answers now. @returns {Part} */
export function teachReadout() {
  const node = element("div", "vl-readout vl-teach-readout", { role: "status", "aria-live": "polite" });
  const update = whenChanged((/** @type {Scene} */ s) => [s.passing, s.active, s.data.taught, s.choices.state, s.choices.image, s.canAsk], (s) => {
    const token = s.passing !== null && s.passing >= s.data.meta.prefix.length ? s.passing : null;
    const first = token === null ? [element("span", "vl-hint", {}, invitation(s))] : [part(element("span", "vl-symbol"), quiet(describe(s.data.meta, token))), deed(s, token), ...now(s, token)];
    fill(node, line(...first), line(element("span", "vl-hint", {}, s.data.taught.examples.length ? "flag: a clicked patch · dashed flag: taken for another class when left out" : "")));
  });
  return { node, update };
}

/** @param {Scene} scene */
function invitation({ active, canAsk, data }) {
  if (!canAsk) return "This page has no kernel to teach; point at a patch to read its answer.";
  if (data.taught.examples.length === 0) return "";
  if (active === null) return data.taught.classes.length ? "Choose a class, or give a new one a name; then click patches of it." : "Give a class a name; then click patches of it.";
  return `Click a patch to teach ${active}.`;
}

/** @param {Scene} scene @param {number} token */
function deed({ data: { taught }, choices, active, canAsk }, token) {
  const example = taught.exampleAt(choices.image, token);
  if (example) return part(quiet(canAsk ? "click takes away example" : "example"), value(String(example.number)), quiet("of"), value(taught.classes[example.classIndex]?.name ?? ""));
  if (active === null || !canAsk) return null;
  return part(quiet("click adds"), value(active), quiet(`example ${taught.examples.length + 1}`));
}

/** @param {Scene} scene @param {number} token */
function now({ data: { taught }, choices }, token) {
  const { index, probability } = taught.answer(choices.state, choices.image, token);
  const one = taught.classes[index];
  if (one && taught.nTaught === 1) return [part(quiet(`like ${one.name}`), value(cosineWords(probability, 2)))];
  return one ? [part(quiet("now"), emojiNode(one.emoji), value(`${one.name} ${probability.toFixed(2)}`))] : [];
}
