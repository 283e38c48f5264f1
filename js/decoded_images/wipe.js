// The chosen picture large, beside the input: a line between both that can be moved.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { pictureCanvas, put } from "./canvas.js";
import { strengthWords } from "./strengths.js";
import { cosine, longName, missingWords, seedName, shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part & { range: HTMLInputElement }} */
export function wipe(meta, actions) {
  const title = element("h3", "vl-title");
  const how = element("span", "vl-secondary");
  const picture = pictureCanvas("vl-decoded", "the chosen picture");
  const input = pictureCanvas("vl-over", "the input");
  const left = element("span", "vl-side-name vl-side-left", {}, "input");
  const right = element("span", "vl-side-name vl-side-right");
  const line = element("span", "vl-wipe-line", { "aria-hidden": "true" }, element("span", "vl-wipe-knob", {}, "↔"));
  const missing = element("p", "vl-not-made", { hidden: true });
  const label = "How much of the input is shown over the picture";
  const range = element("input", "vl-wipe", { type: "range", min: 0, max: 1000, step: 1, "aria-label": label });
  range.addEventListener("input", () => actions.set({ wipe: Number(range.value) / 1000 }));
  const frame = element("div", "vl-picture vl-large", {}, picture, missing, input, left, right, line, range);
  const hint = element("span", "vl-hint vl-wipe-hint", {}, "drag the line, or ← →");
  const node = element("section", "vl-wiped", { "aria-label": "The chosen picture" }, element("div", "vl-head vl-part-head", {}, title, how, hint), frame);

  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.chosen, s.choices.strength, s.sliding, s.choices.seed], (s) => {
      const isState = s.chosen.column < 0;
      title.textContent = longName(s.chosen, meta);
      how.textContent = [isState ? "" : strengthWords(s.sliding ?? s.choices.strength), seedName(meta, s.choices.seed)].filter(Boolean).join(", ");
      right.textContent = shortName(s.chosen, meta);
    }),
    whenChanged((s) => [s.made, s.singles, s.chosen, s.choices.strength, s.choices.seed, s.choices.image], (s) => {
      const found = s.single(s.chosen);
      // The last one stays, fainter, until the new one is here.
      if (found || !s.canAsk) put(picture, found);
      missing.hidden = found !== null || s.canAsk;
      missing.textContent = `${shortName(s.chosen, meta)}, ${how.textContent}: not made before this page was saved`;
      frame.classList.toggle("vl-is-old", !found && s.canAsk);
      frame.classList.toggle("vl-growing", !found && s.canAsk);
      put(input, s.made.input);
      picture.setAttribute("aria-label", `${longName(s.chosen, meta)}: ${found ? `similarity to the input ${cosine(found.similarity)}` : missingWords(s)}`);
    }),
    whenChanged((s) => [s.layout], ({ layout }) => {
      frame.style.width = `${layout.large}px`;
      frame.style.height = `${Math.round((layout.large * meta.size[0]) / meta.size[1])}px`;
    }),
    whenChanged((s) => [s.wipe], (s) => {
      range.value = String(Math.round(1000 * s.wipe));
      range.setAttribute("aria-valuetext", `${Math.round(100 * s.wipe)} % input`);
      frame.style.setProperty("--vl-wipe", `${100 * s.wipe}%`);
      left.classList.toggle("vl-covered", s.wipe < 0.2);
      right.classList.toggle("vl-covered", s.wipe > 0.75);
    }),
  ];
  return { node, range, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}
