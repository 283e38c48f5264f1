// The reader's own image, with where the chosen feature fires.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { patchCells, placeRing, ring, select, sizePicture, SMALLEST_FLAGGED } from "../lib/patch_cells.js";
import { ramp } from "../lib/ramp.js";
import { heat, heatOnGrey } from "./heat.js";
import { marked } from "./histogram.js";
import { activation, shortName, tokenName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** What to do where there is no image. */
const NO_IMAGE = "Give the model and an image, vl.Features(found, vit, image), to see on it where this fires, what fires at a patch, and the answers with it turned down and up.";

/** The 0 of the legend would stand on the number at its beginning, if nearer than this share. */
const CLEAR = 0.2;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function ownImage(meta, actions) {
  const hint = element("span", "vl-hint");
  const head = element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "On your image"), hint);
  if (!meta.n_images) return { node: element("section", "vl-own vl-without", { "aria-label": "On your image" }, head, element("p", "vl-why", {}, NO_IMAGE)), update: () => undefined };
  const places = { rows: meta.rows, cols: meta.cols, nPrefix: meta.prefix.length };
  const canvas = element("canvas", "vl-canvas", { "aria-hidden": "true" });
  const cells = patchCells(places, "Patches of your image; arrows move, Enter pins", {
    pass: (token) => actions.set({ passing: token }),
    choose: (token) => actions.choose({ token }),
  });
  const [pinned, passing] = [ring("vl-ring-pinned"), ring("vl-ring-passing")];
  const chips = element("div", "vl-token-chips");
  const picture = element("div", "vl-picture", {}, canvas, element("div", "vl-gridlines"), cells.node, passing, pinned);
  const scale = ramp();
  const node = element("section", "vl-own", { "aria-label": "On your image" }, head, chips, picture, scale.node);
  chips.hidden = !meta.prefix.length;

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.id], (s) => void (hint.textContent = `where ${shortName(s.catalogue.of(s.id), meta)} fires`)),
    whenChanged((s) => [s.layout, s.ratio], ({ layout, ratio }) => {
      sizePicture(picture, layout.cell, meta);
      setAttributes(canvas, { width: Math.round(layout.cell * meta.cols * ratio), height: Math.round(layout.cell * meta.rows * ratio) });
      pinned.classList.toggle("vl-flagged", layout.cell >= SMALLEST_FLAGGED);
      scale.node.style.width = `${Math.max(160, layout.cell * meta.cols)}px`;
    }),
    whenChanged((s) => [s.look("seen"), s.own, s.id, s.layout, s.ratio], (s) => drawHeat(canvas, s)),
    whenChanged((s) => [s.look("seen"), s.choices.token, s.id], (s) => fill(chips, ...chipsOf(s, actions))),
    whenChanged((s) => [s.choices.token, s.layout], (s) => {
      placeRing(pinned, s.choices.token, places, s.layout.cell);
      select(cells.all, (patch) => places.nPrefix + patch === s.choices.token);
    }),
    whenChanged((s) => [s.passing, s.layout], (s) => placeRing(passing, s.passing, places, s.layout.cell)),
    whenChanged((s) => [s.look("seen"), s.id], (s) => cells.all.forEach((cell, patch) => setAttributes(cell, { "aria-label": labelOf(s, places.nPrefix + patch) }))),
    whenChanged((s) => [s.id, s.look("seen")], (s) => {
      const largest = s.catalogue.number("largest", s.id);
      const low = lowest(s);
      scale.draw((place) => heatOnGrey(low + place * (1 - low)), ticksOf(low, largest));
    }),
    whenChanged((s) => [s.value, s.passing, s.choices.token, s.look("seen"), s.id], (s) => {
      const [at, low] = [marked(s), lowest(s)];
      const share = at ? at.value / s.catalogue.number("largest", s.id) : NaN;
      scale.mark(Math.min(1, Math.max(0, (share - low) / (1 - low))));
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** Where the legend begins, of the largest: 0, or below it as far as the image goes, but not beyond -1. @param {Scene} scene */
function lowest({ look, catalogue, id, meta }) {
  const values = /** @type {Float32Array | undefined} */ (look("seen")?.arrays["values"]);
  const least = values ? values.subarray(meta.prefix.length).reduce((a, b) => Math.min(a, b), 0) / catalogue.number("largest", id) : 0;
  return least < -0.1 ? Math.max(-1, least) : 0;
}

/** @param {number} low @param {number} largest */
export function ticksOf(low, largest) {
  const start = low < 0 ? [{ at: 0, text: activation(low * largest) }] : [];
  const zero = -low / (1 - low);
  const isClear = low === 0 || zero >= CLEAR;
  return [...start, ...(isClear ? [{ at: zero, text: "0" }] : []), { at: 1, text: `${activation(largest)}, its largest` }];
}

/** @param {HTMLCanvasElement} canvas @param {Scene} scene */
function drawHeat(canvas, scene) {
  const { own, look, catalogue, id, meta } = scene;
  const values = look("seen")?.arrays["values"];
  const image = own?.grounds.copy("map", canvas.width, canvas.height);
  if (!image) return;
  const largest = catalogue.number("largest", id);
  if (values && largest > 0) heat(image, meta, (patch) => (values[meta.prefix.length + patch] ?? 0) / largest, lowest(scene));
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** @param {Scene} scene @param {number} token */
function labelOf({ look, meta }, token) {
  const value = look("seen")?.arrays["values"]?.[token];
  return `${tokenName(token, meta)}: ${value === undefined ? "to come" : activation(value)}`;
}

/** Tokens that are no patches, with their activation. @param {Scene} scene @param {import("./scene.js").Actions} actions */
function chipsOf({ look, meta, choices }, actions) {
  const many = meta.prefix.length > 2;
  return meta.prefix.map((name, token) => {
    const value = look("seen")?.arrays["values"]?.[token];
    const short = many ? name.replace(/^register /, "r") : name;
    const chip = element("button", "vl-token-chip", { type: "button", "aria-pressed": String(choices.token === token), title: name }, element("span", "", {}, short), element("b", "", {}, value === undefined ? "" : activation(value)));
    chip.addEventListener("click", () => actions.choose({ token }));
    chip.addEventListener("pointerenter", () => actions.set({ passing: token }));
    chip.addEventListener("pointerleave", () => actions.set({ passing: null }));
    return chip;
  });
}
