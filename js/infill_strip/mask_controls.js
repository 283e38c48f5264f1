// The ways to make a mask without painting it: by chance, all, none, the other patches, an object.
import { menu } from "../lib/controls.js";
import { element, fill, icon, setAttributes } from "../lib/dom.js";
import { imageControl as ofBatch } from "../lib/image_control.js";
import { whenChanged } from "../lib/changes.js";
import { hiddenWords, percent } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Part} Part */

const AGAIN = "M13 8a5 5 0 1 1-1.5-3.5M13 2.5v3h-3";
const MOST_SEED = 2 ** 53 - 1;

/** @param {import("./painting.js").Meta} meta @param {Actions} actions @returns {Part | null} null where there is one image */
export const imageControl = (meta, { ask }) =>
  ofBatch(meta, {
    choose: (image) => ask({ image: image ?? 0 }),
    chosenOf: (/** @type {Scene} */ s) => s.choices.image,
    smallOf: () => meta.small ?? null,
  });

/** The share that is drawn by chance, and how many patches are hidden now. @param {Actions} actions @returns {Part} */
export function ratioControl({ ask }) {
  const range = element("input", "vl-range", { type: "range", min: 1, max: 99, step: 1, "aria-label": "Share of patches in a random mask" });
  const share = element("b", "vl-share");
  const count = element("span", "vl-quiet vl-count", { role: "status" });
  range.addEventListener("input", () => ask({ mask_ratio: Number(range.value) / 100 }));
  keepKeys(range);
  const slider = element("label", "vl-control", {}, element("span", "vl-control-name", {}, "Random share"), range, share);
  const node = element("div", "vl-control", {}, slider, count);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.mask_ratio], ({ choices: { mask_ratio } }) => {
      range.value = String(Math.round(100 * mask_ratio));
      range.style.setProperty("--vl-done", `${((Number(range.value) - 1) / 98) * 100}%`);
      share.textContent = percent(mask_ratio);
      range.setAttribute("aria-valuetext", `${percent(mask_ratio)} of the patches, when drawn by chance`);
    }),
    whenChanged((s) => [s.mask, s.data.random], ({ mask, data }) => {
      const isRandom = isOne(data.random, mask); // else its share is not the slider's
      count.textContent = `${hiddenWords(mask)} masked${isRandom ? "" : ", not at random"}`;
      slider.classList.toggle("vl-unused", !isRandom);
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** Whether two masks are the same. @param {Uint8Array} one @param {Uint8Array} other */
const isOne = (one, other) => one.every((masked, i) => masked === other[i]);

/** @param {Actions} actions @returns {Part} */
export function seedControl({ ask }) {
  const field = element("input", "vl-field", { type: "number", min: 0, step: 1, "aria-label": "Seed of the random mask" });
  const next = button(icon(AGAIN), () => ask({ seed: Number(field.value) + 1 }), "Another random mask: the next seed");
  next.classList.add("vl-play");
  field.addEventListener("change", () => {
    const seed = Math.trunc(Number(field.value));
    if (field.value !== "" && seed >= 0 && seed <= MOST_SEED) ask({ seed });
  });
  keepKeys(field);
  const node = element("div", "vl-control vl-seed", {}, element("span", "vl-control-name", {}, "Seed"), field, next);
  return { node, update: whenChanged((/** @type {Scene} */ s) => [s.choices.seed], (s) => void (field.value = String(s.choices.seed))) };
}

/** @param {Actions} actions @returns {Part} */
export function maskButtons({ remask, mask }) {
  const filled = (/** @type {number} */ value) => new Uint8Array(mask().length).fill(value);
  /** @type {Uint8Array} */
  let drawn = new Uint8Array();
  const random = button("Random", () => remask(drawn), "The random mask of this share and seed");
  const node = element(
    "div",
    "vl-control vl-mask-buttons",
    { role: "group", "aria-label": "Mask" },
    random,
    button("All", () => remask(filled(1)), "Mask every patch"),
    button("None", () => remask(filled(0)), "Mask no patch"),
    button("Invert", () => remask(mask().map((one) => 1 - one)), "Mask the visible patches, show the masked ones"),
  );
  const update = whenChanged((/** @type {Scene} */ s) => [s.mask, s.data.random], (s) => {
    drawn = s.data.random;
    setAttributes(random, { "aria-pressed": String(isOne(drawn, s.mask)) });
  });
  return { node, update };
}

/** Masks the patches that show an object; where nothing is known of objects there is no such control. @param {Actions} actions @returns {Part} */
export function objectControl({ remask }) {
  const node = element("div", "vl-control vl-objects");
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.objects], ({ data: { objects } }) => {
    node.hidden = objects.length === 0;
    if (objects.length === 0) return fill(node);
    const [only] = objects;
    if (objects.length === 1 && only) return fill(node, button("Object", () => remask(only.mask), `Mask the patches that show: ${only.name}`));
    const words = objects.map(({ name }, i) => /** @type {[string, string]} */ ([String(i), name]));
    const choice = menu("", "Mask the patches that show an object", [["", "Object …"], ...words], (i) => {
      const chosen = objects[Number(i)];
      if (i !== "" && chosen) remask(chosen.mask);
      choice.show("");
    });
    choice.show("");
    return fill(node, choice.node);
  });
  return { node, update };
}

/** @param {string | Node} content @param {() => void} press @param {string} title */
function button(content, press, title) {
  const node = element("button", "vl-button", { type: "button", title, "aria-label": typeof content === "string" ? null : title }, content);
  node.addEventListener("click", press);
  return node;
}

/** A focused input takes its own keys; the notebook must not take them too. @param {HTMLElement} input */
const keepKeys = (input) => input.addEventListener("keydown", (event) => event.stopPropagation());
