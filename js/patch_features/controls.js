// The choices that change all views, and the pictures to choose from.
import { whenChanged } from "../lib/changes.js";
import { segments } from "../lib/controls.js";
import { element, setAttributes } from "../lib/dom.js";
import { imageWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./scene.js").Choices} Choices */

/**
 * @param {Actions} actions
 * @param {keyof Choices} choice
 * @param {string} name
 * @param {[value: string, text: string][]} options
 * @param {"look" | "teach" | null} mode  in which it is of use
 * @returns {Part}
 */
function control({ choose }, choice, name, options, mode) {
  const { node, show } = segments(name, name, options, (value) => choose(/** @type {Partial<Choices>} */ ({ [choice]: value })));
  const update = whenChanged((/** @type {Scene} */ s) => [s.choices.mode, s.choices[choice]], (s) => {
    node.hidden = mode !== null && s.choices.mode !== mode;
    show(String(s.choices[choice]));
  });
  return { node, update };
}

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part[]} */
export function controls(meta, actions) {
  const several = meta.n_images > 1;
  return [
    ...(several ? [control(actions, "basis", "Components of", [["batch", "All"], ["image", "Each"]], "look")] : []),
    control(actions, "colours", "Colours", [["components", "Components"], ["foreground", "Foreground"]], "look"),
    control(actions, "names", "Names", [["emoji", "Emoji and name"], ["none", "None"]], "teach"),
    control(actions, "tint", "Tint", [["class", "Class"], ["certainty", "Certainty"]], "teach"),
    control(actions, "mode", "Mode", [["look", "Look"], ["teach", "Teach"]], null),
  ];
}

const THUMB = 28;

/** All pictures, small; one of them is shown. @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part} */
export function pictureMenu(meta, { choose }) {
  const scale = THUMB / Math.max(meta.rows, meta.cols);
  const size = { width: Math.max(8, Math.round(scale * meta.cols)), height: Math.max(8, Math.round(scale * meta.rows)) };
  const canvases = Array.from({ length: meta.n_images }, () => element("canvas"));
  const buttons = canvases.map((canvas, image) => {
    Object.assign(canvas.style, { width: `${size.width}px`, height: `${size.height}px` });
    const button = element("button", "vl-pick", { type: "button", role: "radio", "aria-label": imageWords(meta, image), title: imageWords(meta, image), "data-image": image }, canvas);
    button.addEventListener("click", () => choose({ image }));
    return button;
  });
  const node = element("div", "vl-picks", { role: "radiogroup", "aria-label": "Image", hidden: meta.n_images === 1 }, ...buttons);
  node.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const at = buttons.findIndex((button) => button.tabIndex === 0);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.focus();
    next?.click();
  });
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.data.pictures.small, s.ratio], ({ data, ratio }) =>
      canvases.forEach((canvas, image) => {
        Object.assign(canvas, { width: Math.round(size.width * ratio), height: Math.round(size.height * ratio) });
        canvas.getContext("2d")?.putImageData(data.pictures.thumb(image).copy("plain", canvas.width, canvas.height), 0, 0);
      }),
    ),
    whenChanged((s) => [s.choices.image], ({ choices }) =>
      buttons.forEach((button, image) => {
        setAttributes(button, { "aria-checked": String(image === choices.image) });
        button.tabIndex = image === choices.image ? 0 : -1;
      }),
    ),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}
