// The class map: every patch in the colour of its class, names on its regions, a flag on each click.
import { whenChanged } from "../lib/changes.js";
import { colorAt, viridis } from "../lib/colormaps.js";
import { element, fill } from "../lib/dom.js";
import { ramp } from "../lib/ramp.js";
import { svg } from "../lib/svg.js";
import { mapOpacity, onGrey } from "../lib/tinting.js";
import { styleOf } from "./class_colors.js";
import { drawClasses, isByClass } from "./drawing.js";
import { placeFlags } from "./flag_places.js";
import { titled } from "./look.js";
import { patchPicture } from "./places.js";
import { SMALLEST_NAMED, placeNames } from "./regions.js";
import { stateName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Meta} Meta */
/** @typedef {import("./scene.js").Actions} Actions */

/** @param {Meta} meta @param {Actions} actions @returns {Part} */
export function classMap(meta, actions) {
  const about = element("span", "vl-secondary");
  const [undo, redo] = [button("Undo", "Undo (U)", () => actions.teach({ do: "undo" })), button("Redo", "Redo (Shift+U)", () => actions.teach({ do: "redo" }))];
  const picture = patchPicture(meta, actions, {
    label: "Patches and their classes",
    draw: (canvas, s) => drawClasses(canvas, s, s.choices.state, { width: s.layout.cell * meta.cols, height: s.layout.cell * meta.rows, cell: s.layout.cell, large: true }),
    of: (s) => [s.data.taught, s.grounds, s.choices.state, s.choices.tint],
    pins: false,
    over: [regionNames(meta), flags(meta)],
  });
  const legend = certaintyLegend();
  const hint = element("p", "vl-empty");
  picture.node.append(hint);
  const node = element("section", "vl-main vl-class-map", { "aria-label": "Class map" }, titled("Class map", about, element("span", "vl-push"), undo, redo), picture.node, legend.node);
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.taught, s.choices.state, s.canAsk, s.active, s.pending], (s) => {
    const { lessons, examples } = s.data.taught;
    about.textContent = `at ${stateName(meta, s.choices.state)}, from ${examples.length} ${examples.length === 1 ? "click" : "clicks"}`;
    undo.disabled = !lessons.can_undo || !s.canAsk;
    redo.disabled = !lessons.can_redo || !s.canAsk;
    hint.hidden = examples.length > 0;
    hint.textContent = !s.canAsk ? "Nothing was taught when this page was saved." : s.pending ? "Give the class of this patch a name." : s.active === null ? "Click a patch and give it a name." : `Click a patch that shows ${s.active}.`;
  });
  return { node, update: (scene) => (picture.update(scene), legend.update(scene), update(scene)) };
}

/** Of the tint that is no class. @returns {Part} */
function certaintyLegend() {
  const scale = ramp();
  const words = element("span", "vl-quiet");
  const node = element("div", "vl-similar-legend", {}, words, scale.node);
  scale.draw((place) => onGrey(colorAt(viridis, place), mapOpacity(place)), [0, 0.5, 1].map((at) => ({ at, text: String(at) })));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [isByClass(s), s.data.taught], (s) => {
      node.hidden = isByClass(s) || s.data.taught.map.length === 0;
      const alone = s.data.taught.nTaught === 1 && s.data.taught.classes.find(({ examples }) => examples.length > 0);
      words.textContent = alone ? `cosine similarity to ${alone.name}; teach a second class for a map` : "probability of the class";
    }),
    whenChanged((s) => [s.passing, s.data.taught, s.choices.state, s.choices.image], (s) => {
      const { index, probability } = s.data.taught.answer(s.choices.state, s.choices.image, s.passing ?? 0);
      scale.mark(s.passing === null || index < 0 ? NaN : probability);
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {string} text @param {string} title @param {() => void} run */
function button(text, title, run) {
  const node = element("button", "vl-button", { type: "button", title }, text);
  node.addEventListener("click", run);
  return node;
}

/** @param {Scene} scene @param {Meta} meta */
const sizeOf = ({ layout }, { rows, cols }) => ({ width: layout.cell * cols, height: layout.cell * rows });

/** The clicks in the image shown, where their flags stand. @param {Scene} scene */
function flagged(scene) {
  const { meta, taught } = scene.data;
  const { cell } = scene.layout;
  const here = taught.examples.filter(({ image }) => image === scene.choices.image);
  const feet = here.map(({ token, number }) => {
    const patch = token - meta.prefix.length;
    return { x: ((patch % meta.cols) + 0.5) * cell, y: (Math.floor(patch / meta.cols) + 0.5) * cell, number };
  });
  return here.map((example, i) => ({ example, flag: placeFlags(feet, sizeOf(scene, meta))[i] }));
}

/** @param {Meta} meta @returns {Part} */
function flags(meta) {
  const node = element("div", "vl-over");
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.taught, s.choices.image, s.choices.state, s.choices.examples_from, s.layout.cell], (s) => {
    const { width, height } = sizeOf(s, meta);
    const drawn = flagged(s).map(({ example, flag }) => (flag ? flagNode(s, example, flag) : ""));
    fill(node, svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...drawn));
  });
  return { node, update };
}

/** @param {Scene} scene @param {import("./taught.js").Example} example @param {import("./flag_places.js").Flag} flag */
function flagNode({ data, choices }, example, { foot, pennant }) {
  const left = data.taught.left(choices.examples_from, choices.state, example);
  const isLost = left >= 0 && left !== example.classIndex;
  const { css, ink } = styleOf(data.taught.slot(example.classIndex));
  const pole = { x1: foot.x, y1: foot.y, x2: foot.x, y2: pennant.top < foot.y ? pennant.top : pennant.bottom };
  const width = pennant.right - pennant.left;
  const middle = { x: (pennant.left + pennant.right) / 2, y: pennant.top + 10 };
  return svg(
    "g",
    { "data-number": example.number, "data-lost": isLost ? "true" : null },
    svg("line", { ...pole, stroke: "#fff", "stroke-width": 3 }),
    svg("line", { ...pole, stroke: "#111", "stroke-width": 1.25 }),
    svg("circle", { cx: foot.x, cy: foot.y, r: 2.25, fill: "#111", stroke: "#fff", "stroke-width": 1 }),
    svg("rect", { x: pennant.left - 0.5, y: pennant.top - 0.5, width: width + 1, height: 14, fill: "#fff", stroke: "#fff", "stroke-width": 1.5 }),
    svg("rect", { x: pennant.left + 0.5, y: pennant.top + 0.5, width: width - 1, height: 12, fill: isLost ? "#fff" : css, stroke: "#111", "stroke-width": 1, "stroke-dasharray": isLost ? "2.5 2" : null }),
    svg("text", { ...middle, "text-anchor": "middle", fill: isLost ? "#111" : ink, class: "vl-flag-number" }, String(example.number)),
  );
}

const NAME_HEIGHT = 20;
const EMOJI_WIDTH = 20;

/** @param {Meta} meta @returns {Part} */
function regionNames(meta) {
  const node = element("div", "vl-over");
  const context = element("canvas").getContext("2d");
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.taught, s.choices.image, s.choices.state, s.choices.names, s.layout.cell, s.dark], (s) => {
    node.hidden = s.choices.names === "none" || s.data.taught.nTaught < 2;
    if (node.hidden) return;
    if (context) context.font = `600 13px ${getComputedStyle(node).fontFamily || "sans-serif"}`;
    const wide = (/** @type {string} */ text) => (context?.measureText(text).width ?? 0) + 6;
    fill(node, ...namesOf(s, meta, wide));
  });
  return { node, update };
}

/** @param {Scene} scene @param {Meta} meta @param {(text: string) => number} wide */
function namesOf(scene, meta, wide) {
  const { taught } = scene.data;
  const { cell } = scene.layout;
  const sizes = (/** @type {number} */ index) => {
    const { name = "", emoji = "" } = taught.classes[index] ?? {};
    const forms = emoji ? [wide(name) + EMOJI_WIDTH, EMOJI_WIDTH] : [wide(name)];
    return forms.map((width) => ({ width: width / cell, height: NAME_HEIGHT / cell }));
  };
  const taken = flagged(scene).flatMap(({ flag }) => (flag ? [inPatches(flag, cell)] : []));
  const smallest = Math.max(2, Math.round((SMALLEST_NAMED * meta.rows * meta.cols) / 1024));
  const placed = placeNames(taught.regions(scene.choices.state, scene.choices.image), meta, smallest, sizes, taken);
  return placed.map(({ index, form, x, y }) => {
    const { name = "", emoji = "" } = taught.classes[index] ?? {};
    const node = element("span", "vl-region-name", {}, emoji && element("span", "vl-emoji", {}, emoji), form === 0 && name);
    Object.assign(node.style, { left: `${x * cell}px`, top: `${y * cell}px` });
    return node;
  });
}

/** A flag with its pole as a box. @param {import("./flag_places.js").Flag} flag @param {number} cell */
const inPatches = ({ foot, pennant }, cell) => ({
  left: (Math.min(foot.x, pennant.left) - 2) / cell,
  right: (Math.max(foot.x, pennant.right) + 2) / cell,
  top: (Math.min(foot.y, pennant.top) - 2) / cell,
  bottom: (Math.max(foot.y, pennant.bottom) + 2) / cell,
});
