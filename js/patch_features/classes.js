// The classes that were taught, a row each, and the row of a new one.
import { whenChanged } from "../lib/changes.js";
import { element, fill } from "../lib/dom.js";
import { edges } from "../lib/tinting.js";
import { backgroundOf, styleOf } from "./class_colors.js";
import { titled } from "./look.js";
import { describe, imageWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Actions} Actions */
/** @typedef {import("./taught.js").TaughtClass} TaughtClass */
/** @typedef {import("./taught.js").Example} Example */

/** Size of an example's picture, and of what it shows around the patch, CSS pixels. */
const THUMB = 28;
const MOST_THUMBS = 8;

/** @param {import("./scene.js").Meta} meta @param {Actions} actions @returns {Part} */
export function classList({ method }, actions) {
  const about = element("span", "vl-secondary", {}, method === "logistic" ? "by logistic regression" : "each the mean of its examples");
  const copy = copyButton(actions);
  const list = element("div", "vl-class-rows", { role: "list" });
  const added = newClass(actions);
  const hint = element("p", "vl-hint");
  const head = element("div", "vl-class-head vl-hint", { "aria-hidden": "true" }, ...["key", "", "name", "examples", "patches", ""].map((text) => element("span", "", {}, text)));
  const node = element("section", "vl-classes", { "aria-label": "Classes" }, titled("Classes", about, element("span", "vl-push"), copy.node), head, list, added.node, hint);
  const update = whenChanged(
    (/** @type {Scene} */ s) => [s.data.taught, s.data.pictures, s.choices.image, s.choices.state, s.choices.examples_from, s.active, s.pending, s.renamed, s.canAsk, s.ratio, s.dark],
    (s) => {
      const { classes } = s.data.taught;
      if (s.renamed !== null && list.querySelector(".vl-rename")) return; // or what is typed would be lost
      copy.show(s.data.taught.lessons.python);
      head.hidden = classes.length === 0;
      const hadFocus = list.matches(":focus-within");
      fill(list, ...classes.map((one) => classRow(s, one, actions)));
      if (s.renamed !== null) focusOn(list, ".vl-rename");
      else if (hadFocus) focusOn(list, ".vl-row.vl-active .vl-row-name");
      added.show(s);
      hint.hidden = !s.canAsk;
      hint.textContent = `${classes.length > 1 ? `1–${Math.min(9, classes.length)} choose a class · ` : ""}click or Enter adds an example · on a flag: takes it away · F2 renames · U undoes`;
    },
  );
  return { node, update };
}

/** @param {HTMLElement} root @param {string} selector */
function focusOn(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) return;
  found.focus({ preventScroll: true });
  if (found instanceof HTMLInputElement) found.select();
}

/** @param {Scene} scene @param {TaughtClass} one @param {Actions} actions */
function classRow(scene, one, actions) {
  const isActive = scene.active === one.name;
  const counts = scene.data.taught.counts(scene.choices.state, scene.choices.image);
  const count = counts[one.index] ?? 0;
  const bar = element("span", "vl-row-filled");
  Object.assign(bar.style, { width: `${(100 * count) / Math.max(1, ...counts)}%`, background: backgroundOf(one.slot) });
  const remove = element("button", "vl-button vl-remove", { type: "button", "aria-label": `Remove ${one.name}`, title: `Remove ${one.name} and its examples`, disabled: !scene.canAsk }, "×");
  remove.addEventListener("click", () => actions.teach({ do: "drop", name: one.name }));
  const row = element(
    "div",
    `vl-row${isActive ? " vl-active" : ""}`,
    { role: "listitem", "data-class": one.index },
    element("span", "vl-quiet vl-key", {}, one.index < 9 ? String(one.index + 1) : ""),
    element("span", "vl-emoji", { "aria-hidden": "true" }, one.emoji || ""),
    scene.renamed === one.name ? renaming(one, actions) : nameButton(one, isActive, actions),
    element("span", "vl-row-examples", {}, ...examplesOf(scene, one, actions)),
    element("b", "vl-number", {}, String(count)),
    element("span", "vl-row-bar", {}, bar),
    remove,
  );
  row.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element && target.closest("button, input"))) actions.activate(one.name);
  });
  return row;
}

/** @param {TaughtClass} one @param {boolean} isActive @param {Actions} actions */
function nameButton(one, isActive, actions) {
  const button = element("button", "vl-row-name", { type: "button", "aria-pressed": String(isActive), title: `${one.name}: F2 or double click renames` }, one.name);
  button.addEventListener("click", ({ detail }) => (detail > 1 ? actions.rename(one.name) : actions.activate(one.name)));
  button.addEventListener("dblclick", () => actions.rename(one.name));
  return button;
}

/** @param {TaughtClass} one @param {Actions} actions */
function renaming(one, actions) {
  const input = element("input", "vl-rename vl-field", { type: "text", "aria-label": `New name of ${one.name}`, maxlength: 60 });
  input.value = one.name;
  let isOver = false;
  const end = (/** @type {boolean} */ isKept) => {
    if (isOver) return;
    isOver = true;
    const to = input.value.trim();
    actions.rename(null);
    if (isKept && to && to !== one.name) actions.teach({ do: "rename", name: one.name, to });
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  });
  input.addEventListener("blur", () => end(true));
  return input;
}

/** @param {Scene} scene @param {TaughtClass} one @param {Actions} actions */
function examplesOf(scene, one, actions) {
  const shown = one.examples.slice(0, MOST_THUMBS);
  const more = one.examples.length - shown.length;
  return [...shown.map((example) => exampleThumb(scene, example, actions)), ...(more > 0 ? [element("span", "vl-quiet", {}, `+${more}`)] : [])];
}

/** What was clicked: the patch and what is around it. @param {Scene} scene @param {Example} example @param {Actions} actions */
function exampleThumb(scene, example, actions) {
  const { meta, pictures, taught } = scene.data;
  const canvas = element("canvas", "vl-example-picture", { "aria-hidden": "true" });
  const side = Math.round(THUMB * scene.ratio);
  Object.assign(canvas, { width: side, height: side });
  const grounds = pictures.grounds(example.image);
  const patch = example.token - meta.prefix.length;
  const [width, height] = [grounds.width, grounds.height];
  const [left, right] = edges(patch % meta.cols, meta.cols, width);
  const [top, bottom] = edges(Math.floor(patch / meta.cols), meta.rows, height);
  const around = Math.min(width, height, Math.max(34 * (width / meta.width), 1.6 * (right - left)));
  const x = Math.min(width - around, Math.max(0, (left + right - around) / 2));
  const y = Math.min(height - around, Math.max(0, (top + bottom - around) / 2));
  canvas.getContext("2d")?.drawImage(grounds.original("plain"), x, y, around, around, 0, 0, side, side);
  const left_ = taught.left(scene.choices.examples_from, scene.choices.state, example);
  const isLost = left_ >= 0 && left_ !== example.classIndex;
  const number = element("span", `vl-example-number${isLost ? " vl-lost" : ""}`, {}, String(example.number));
  const { css, ink } = styleOf(taught.slot(example.classIndex));
  if (!isLost) Object.assign(number.style, { background: css, color: ink });
  const where = `${imageWords(meta, example.image)}, ${describe(meta, example.token)}`;
  const button = element("button", "vl-example", { type: "button", "aria-label": `example ${example.number}: ${where}`, title: meta.n_images > 1 ? `${where}: look at it` : where }, canvas, number);
  button.addEventListener("click", () => actions.choose({ image: example.image }));
  return button;
}

/** @param {Actions} actions */
function newClass(actions) {
  const key = element("span", "vl-quiet vl-key");
  const input = element("input", "vl-field", { type: "text", placeholder: "new class …", "aria-label": "Name of a new class", maxlength: 60 });
  const then = element("span", "vl-hint");
  const node = element("div", "vl-new-row", {}, key, input, then);
  const take = () => {
    const name = input.value.trim();
    if (name) actions.activate(name);
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") take();
    if (event.key === "Escape") {
      input.value = "";
      actions.activate(null);
    }
  });
  input.addEventListener("change", take);
  return {
    node,
    /** @param {Scene} scene */
    show: ({ data, active, pending, canAsk }) => {
      const isNew = active !== null && !data.taught.named(active);
      const count = data.taught.classes.length;
      key.textContent = count < 9 ? String(count + 1) : "";
      node.classList.toggle("vl-active", isNew);
      input.disabled = !canAsk;
      if (!isNew && data.taught.named(input.value.trim())) input.value = "";
      if (isNew && active !== null) input.value = active;
      then.textContent = pending ? `names ${describe(data.meta, pending.token)}` : canAsk ? "then click a patch" : "this page has no kernel to teach";
    },
  };
}

/** @param {Actions} actions */
function copyButton(actions) {
  let text = "";
  const node = element("button", "vl-button", { type: "button", title: "The lines that teach the same, for a cell" }, "Copy as Python");
  node.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      node.textContent = "Copied";
      setTimeout(() => (node.textContent = "Copy as Python"), 1200);
    } catch {
      actions.complain(`The clipboard is closed to this page; the lines are widget.python in the notebook.`);
    }
  });
  return { node, show: (/** @type {string} */ python) => ((text = python), (node.disabled = python === "")) };
}
