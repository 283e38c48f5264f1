// The parts of the mode "Look": the components, the similarity, the image, other pictures, legends.
import { whenChanged } from "../lib/changes.js";
import { blueOrange, colorAt, onPage } from "../lib/colormaps.js";
import { segments } from "../lib/controls.js";
import { element, fill } from "../lib/dom.js";
import { ramp } from "../lib/ramp.js";
import { mapOpacity, onGrey } from "../lib/tinting.js";
import { drawColours, drawSimilar, placeOf } from "./drawing.js";
import { groupControls } from "./group_parts.js";
import { shownGroups } from "./groups.js";
import { componentColor } from "./oklab.js";
import { patchPicture } from "./places.js";
import { cosineWords, describe, grouped, imageWords, stateName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Meta} Meta */
/** @typedef {import("./scene.js").Actions} Actions */

/** @param {Meta} meta @param {Actions} actions @returns {Part} */
export function componentsView(meta, actions) {
  const about = element("span", "vl-secondary");
  const picture = patchPicture(meta, actions, {
    label: "Patches by their colours",
    draw: (canvas, s) => drawColours(canvas, s, s.choices.state, { width: s.layout.cell * meta.cols, height: s.layout.cell * meta.rows, cell: s.layout.cell, large: true }),
    of: (s) => [s.data.components, shownGroups(s), s.grounds, s.choices.state, s.choices.colours],
  });
  const note = element("p", "vl-note");
  const head = titled("", about);
  const steppers = groupControls(actions);
  head.append(steppers.node);
  const node = element("section", "vl-main vl-components", {}, head, picture.node, note);
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.components, shownGroups(s), s.choices.state, s.choices.colours, s.choices.basis, s.choices.image], (s) => {
    const groups = shownGroups(s);
    const title = groups ? "Groups" : "Three main components";
    if (head.firstElementChild) head.firstElementChild.textContent = title;
    node.setAttribute("aria-label", title);
    picture.node.classList.toggle("vl-pixels", !groups);
    about.textContent = `of ${patchesWords(s)}, at ${stateName(meta, s.choices.state)}`;
    note.textContent = noteOf(s);
  });
  return { node, update: (scene) => (picture.update(scene), steppers.update(scene), update(scene)) };
}

/** What the colours say. @param {Scene} scene */
function noteOf(scene) {
  const { data, choices } = scene;
  if (shownGroups(scene)) return "patches of one group have like features (k-means)";
  if (choices.colours === "groups") return "the groups are being found; until then, the components";
  if (choices.colours === "components") return "patches of like colour have like features";
  const share = data.components.shareOfForeground(choices.state, choices.image);
  return `${Math.round(100 * share)}% of the patches are on the lighter side of the 1st component`;
}

/** "1,024 patches", and of how many pictures. @param {Scene} scene */
function patchesWords({ data: { meta }, choices }) {
  const words = `${grouped(meta.tokens.filter((token) => token >= meta.prefix.length).length)} patches`;
  return meta.n_images > 1 && choices.basis === "batch" ? `${words} × ${meta.n_images} pictures` : words;
}

/** @param {Meta} meta @param {Actions} actions @returns {Part} */
export function similarityView(meta, actions) {
  const about = element("span", "vl-secondary");
  const how = segments("", "Similarity", [["image", "Image"], ["flat", "Flat"]], (similarity) =>
    actions.choose({ similarity: /** @type {"image" | "flat"} */ (similarity) }),
  );
  const picture = patchPicture(meta, actions, {
    label: "Patches like the pinned one",
    draw: (canvas, s) => drawSimilar(canvas, s, { state: s.choices.state, image: s.choices.image, grounds: s.grounds }, { width: s.layout.cell * meta.cols, height: s.layout.cell * meta.rows }),
    of: (s) => [s.data.similar, s.grounds, s.choices.state, s.choices.similarity],
  });
  const hint = element("p", "vl-empty");
  picture.node.append(hint);
  const legend = similarityLegend();
  const node = element("section", "vl-main vl-similarity", { "aria-label": "Like the pinned patch" }, titled("Like the pinned patch", about, how.node), picture.node, legend.node);
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.similar, s.choices.similarity, s.choices.image, s.canAsk], (s) => {
    how.show(s.choices.similarity);
    const { similar } = s.data;
    hint.hidden = similar !== null;
    hint.textContent = s.canAsk ? "Click a patch, in either picture, to see what is like it." : "No patch was pinned when this page was saved.";
    about.textContent = similar ? pinnedWords(s) : "";
  });
  return { node, update: (scene) => (picture.update(scene), legend.update(scene), update(scene)) };
}

/** "row 8, col 14", and of which picture where that is another one. @param {Scene} scene */
function pinnedWords({ data, choices }) {
  const of = data.similar?.of;
  if (!of) return "";
  return describe(data.meta, of.token) + (of.image === choices.image ? "" : ` of ${imageWords(data.meta, of.image)}`);
}

const BINS = 64;

/** @returns {Part} */
function similarityLegend() {
  const scale = ramp();
  const bars = element("canvas", "vl-bars", { width: BINS, height: 26, "aria-hidden": "true" });
  const node = element("div", "vl-similar-legend", {}, element("span", "vl-quiet", {}, "cosine similarity;", element("br"), "bars: how many patches"), element("div", "", {}, bars, scale.node));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.similarity, s.dark], ({ choices, dark }) =>
      scale.draw(choices.similarity === "flat" ? (place) => colorAt(onPage(blueOrange, dark), place) : (place) => onGrey(colorAt(blueOrange, place), mapOpacity(Math.abs(2 * place - 1))), [-1, -0.5, 0, 0.5, 1].map((value) => ({ at: placeOf(value), text: String(value).replace("-", "−") }))),
    ),
    whenChanged((s) => [s.data.similar, s.choices.state, s.choices.image, s.dark], (s) => drawBars(bars, s)),
    whenChanged((s) => [s.data.similar, s.choices.state, s.choices.image, s.passing], (s) => {
      const cosine = s.passing === null ? NaN : (s.data.similar?.cosine(s.choices.state, s.choices.image, s.passing) ?? NaN);
      scale.mark(placeOf(cosine));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** Heights by the root: a few patches are to be seen beside hundreds. @param {HTMLCanvasElement} canvas @param {Scene} scene */
function drawBars(canvas, { data, choices, dark }) {
  const context = canvas.getContext("2d");
  if (!context) return;
  context.clearRect(0, 0, canvas.width, canvas.height);
  const counts = data.similar?.histogram(choices.state, choices.image, BINS) ?? [];
  const most = Math.sqrt(Math.max(1, ...counts));
  context.fillStyle = dark ? "#8d8d8d" : "#8a8a8a";
  counts.forEach((count, i) => {
    const height = Math.round((canvas.height * Math.sqrt(count)) / most);
    context.fillRect(i, canvas.height - height, 1, height);
  });
}

/** @param {Actions} actions @param {Meta} meta @returns {Part} */
export function otherPictures(meta, actions) {
  const list = element("div", "vl-others-list");
  const node = element("section", "vl-others", { "aria-label": "In other pictures" }, element("h3", "vl-title", {}, "In other pictures"), list);
  const update = whenChanged(
    (/** @type {Scene} */ s) => [s.data.similar, s.data.pictures, s.choices.image, s.choices.state, s.choices.similarity, s.ratio, s.dark],
    (s) => {
      const { similar } = s.data;
      node.hidden = meta.n_images === 1 || !similar;
      if (similar && !node.hidden) fill(list, ...others(s, similar).map((image) => otherPicture(s, similar, image, actions)));
    },
  );
  return { node, update };
}

const MOST_OTHERS = 6;
const OTHER_SIDE = 96;

/** The other images, those with the most similar patch first where there are many. @param {Scene} scene @param {import("./similar.js").Similar} similar */
function others({ data: { meta }, choices }, similar) {
  const all = Array.from({ length: meta.n_images }, (_, image) => image).filter((image) => image !== choices.image);
  if (all.length <= MOST_OTHERS) return all;
  const best = new Map(all.map((image) => [image, similar.best(choices.state, image).cosine]));
  return all.sort((a, b) => (best.get(b) ?? 0) - (best.get(a) ?? 0)).slice(0, MOST_OTHERS);
}

/** @param {Scene} scene @param {import("./similar.js").Similar} similar @param {number} image @param {Actions} actions */
function otherPicture(scene, similar, image, actions) {
  const { meta, pictures } = scene.data;
  const scale = OTHER_SIDE / Math.max(meta.rows, meta.cols);
  const size = { width: Math.round(scale * meta.cols), height: Math.round(scale * meta.rows) };
  const canvas = element("canvas", "", { "aria-hidden": "true" });
  Object.assign(canvas.style, { width: `${size.width}px`, height: `${size.height}px` });
  drawSimilar(canvas, scene, { state: scene.choices.state, image, grounds: pictures.thumb(image) }, size);
  const { token, cosine } = similar.best(scene.choices.state, image);
  const mark = element("span", "vl-best", { "aria-hidden": "true" });
  const patch = token - meta.prefix.length;
  const side = Math.max(scale, 12);
  Object.assign(mark.style, { left: `${(patch % meta.cols) * scale + (scale - side) / 2}px`, top: `${Math.floor(patch / meta.cols) * scale + (scale - side) / 2}px`, width: `${side}px`, height: `${side}px` });
  const words = element("span", "vl-quiet", {}, "largest ", element("b", "vl-value", {}, cosineWords(cosine, 2)));
  const label = `image ${image}, largest similarity ${cosineWords(cosine, 2)} at ${describe(meta, token)}`;
  const button = element("button", "vl-other", { type: "button", "aria-label": label, title: `Look at image ${image}`, "data-image": image }, element("span", "vl-other-picture", {}, canvas, mark), words);
  button.addEventListener("click", () => actions.choose({ image }));
  return button;
}

/** @returns {Part} */
export function coloursMeaning() {
  const rows = ["1st", "2nd", "3rd"].map((name) => ({ name, scale: element("canvas", "vl-ramp", { width: 128, height: 1 }), share: element("b", "vl-number") }));
  const node = element(
    "section",
    "vl-meaning",
    { "aria-label": "What the colours mean" },
    element("h3", "vl-title", {}, "What the colours mean"),
    element("p", "vl-hint", {}, "share of the patches’ variance"),
    ...rows.map(({ name, scale, share }) => element("div", "vl-meaning-row", {}, element("span", "vl-quiet", {}, name), scale, share)),
    element("p", "vl-hint", {}, "each state has its own components, turned to match the next state’s"),
  );
  rows.forEach(({ scale }, which) => paintRamp(scale, which));
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.components, shownGroups(s), s.choices.state, s.choices.image], (s) => {
    const { data, choices } = s;
    node.hidden = shownGroups(s) !== null;
    const shares = data.components.shares(choices.state, choices.image);
    rows.forEach(({ share }, i) => (share.textContent = (shares[i] ?? NaN).toFixed(2)));
  });
  return { node, update };
}

/** One component from −1 to 1, the others in the middle. @param {HTMLCanvasElement} canvas @param {number} which */
function paintRamp(canvas, which) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const pixels = context.createImageData(canvas.width, 1);
  for (let i = 0; i < canvas.width; i++) {
    const values = [0, 0, 0];
    values[which] = (2 * i) / (canvas.width - 1) - 1;
    pixels.data.set([...componentColor(values[0] ?? 0, values[1] ?? 0, values[2] ?? 0), 255], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
}

/** A title, what belongs to it, and its control. @param {string} title @param {...HTMLElement} rest */
export const titled = (title, ...rest) => element("div", "vl-head", {}, element("h3", "vl-title", {}, title), ...rest);
