// The untouched image with the marks of the other views, and chips of the tokens that are no patches.
import { whenChanged } from "../lib/changes.js";
import { element, setAttributes } from "../lib/dom.js";
import { titled } from "./look.js";
import { pinnedHere, rings } from "./places.js";
import { cosineWords, imageWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */

/** @param {import("./scene.js").Meta} meta @returns {Part} */
export function imageView(meta) {
  const canvas = element("canvas", "vl-canvas", { role: "img", "aria-label": "the image as the model saw it" });
  const marks = rings();
  const picture = element("div", "vl-picture vl-plain", {}, canvas, ...marks.nodes);
  const name = element("span", "vl-secondary");
  const caption = element("p", "vl-hint vl-name", { title: meta.caption }, meta.caption);
  caption.hidden = meta.caption === "";
  const node = element("section", "vl-image", { "aria-label": "Image" }, titled("Image", name), picture, caption);
  const update = whenChanged((/** @type {Scene} */ s) => [s.grounds, s.layout, s.ratio, s.choices.image], ({ grounds, layout, ratio, choices }) => {
    const { width, height } = layout.image;
    Object.assign(picture.style, { width: `${width}px`, height: `${height}px` });
    picture.style.setProperty("--vl-cell", `${width / meta.cols}px`);
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    canvas.getContext("2d")?.putImageData(grounds.copy("plain", canvas.width, canvas.height), 0, 0);
    name.textContent = [meta.n_images > 1 ? imageWords(meta, choices.image) : "", `${meta.width} × ${meta.height}`].filter(Boolean).join(" · ");
  });
  return {
    node,
    update: (scene) => {
      update(scene);
      marks.place(scene, scene.layout.image.width / meta.cols, scene.choices.mode === "look");
    },
  };
}

/** CLS and the registers, pinned like patches. @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {Part} */
export function prefixChips(meta, actions) {
  const chips = meta.prefix.map((name, token) => {
    const value = element("b", "vl-value");
    const chip = element("button", "vl-chip", { type: "button", "data-token": token, disabled: !meta.tokens.includes(token) }, element("span", "vl-quiet", {}, name.replace("register ", "reg ")), value);
    chip.addEventListener("click", () => actions.press(token));
    for (const type of ["pointerenter", "focus"]) chip.addEventListener(type, () => actions.pass(token));
    for (const type of ["pointerleave", "blur"]) chip.addEventListener(type, () => actions.pass(null));
    return { chip, value };
  });
  const node = element("div", "vl-prefix", { hidden: chips.length === 0, role: "group", "aria-label": "Tokens that are no patches" }, ...chips.map(({ chip }) => chip));
  const update = whenChanged((/** @type {Scene} */ s) => [s.data.similar, s.choices.state, s.choices.image, s.choices.token], (s) =>
    chips.forEach(({ chip, value }, token) => {
      const cosine = s.data.similar?.cosine(s.choices.state, s.choices.image, token);
      value.textContent = cosine === undefined ? "" : cosineWords(cosine, 2);
      setAttributes(chip, { "aria-pressed": String(pinnedHere(s) === token) });
    }),
  );
  return { node, update };
}
