// How strong the chosen contribution is: a picture for each tick, and a slider between them.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { pictureCanvas, put } from "./canvas.js";
import { STEPS, placeOf, strengthAt, strengthWords, ticksOf } from "./strengths.js";
import { cosine, missingWords } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const LONG = 56;

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function strength(meta, actions) {
  const ticks = ticksOf(meta);
  const frames = ticks.map((tick) => {
    const canvas = pictureCanvas();
    const button = element("button", "vl-tick-picture", { type: "button" }, canvas);
    button.addEventListener("click", () => actions.choose({ strength: tick }));
    const name = element("span", "vl-tick-name", {}, strengthWords(tick));
    return { tick, canvas, button, name };
  });
  const range = element("input", "vl-range", { type: "range", min: 0, max: (ticks.length - 1) * STEPS, step: 1, "aria-label": "Strength of the contribution" });
  const read = () => strengthAt(Number(range.value) / STEPS);
  range.addEventListener("input", () => actions.set({ sliding: read() }));
  range.addEventListener("change", () => {
    const strength = read(); // the knob is put where the choice is, once it is drawn
    actions.set({ sliding: null });
    actions.choose({ strength });
  });
  const words = `× 1: the model’s own${meta.mode === "frozen" ? "; alone: without the rest" : "; later blocks run again"}`;
  const film = element("div", "vl-film", {}, ...frames.map(({ button }) => button), range, ...frames.map(({ name }) => name));
  film.style.setProperty("--vl-ticks", String(ticks.length));
  const scale = LONG / Math.max(...meta.size);
  film.style.setProperty("--vl-film-width", `${Math.round(meta.size[1] * scale)}px`);
  film.style.setProperty("--vl-film-height", `${Math.round(meta.size[0] * scale)}px`);
  const node = element("section", "vl-strength", { "aria-label": "Strength" }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "Strength"), element("span", "vl-hint", {}, words)), film);
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.choices.strength, s.sliding], (s) => {
      const now = s.sliding ?? s.choices.strength;
      range.value = String(Math.round(STEPS * placeOf(now)));
      range.setAttribute("aria-valuetext", strengthWords(now));
      film.style.setProperty("--vl-share", String(placeOf(now) / (ticks.length - 1)));
      for (const { tick, button, name } of frames) {
        button.setAttribute("aria-pressed", String(tick === now));
        name.classList.toggle("vl-current", tick === now);
      }
    }),
    whenChanged((s) => [s.made, s.singles, s.component, s.choices.seed, s.choices.image], (s) => {
      for (const { tick, canvas, button } of frames) {
        const found = s.single({ strength: tick });
        put(canvas, found);
        button.classList.toggle("vl-is-coming", !found);
        const alike = found ? `, similarity to the input ${cosine(found.similarity)}` : `, ${missingWords(s)}`;
        button.setAttribute("aria-label", `Strength ${strengthWords(tick)}${alike}`);
        button.title = found ? `similarity to the input ${cosine(found.similarity)}` : "";
      }
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}
