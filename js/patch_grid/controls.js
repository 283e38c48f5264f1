// The controls that change all views: what stands on a patch, what its colour says.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { TINTS } from "./tints.js";

/** @typedef {import("./scene.js").Actions} Actions */

/** @type {[import("./scene.js").Glyph, string][]} */
const GLYPHS = [
  ["emoji", "Emoji"],
  ["label", "Label"],
  ["none", "None"],
];

/** @param {Actions} actions @returns {import("./scene.js").Part} */
export function glyphControl(actions) {
  const buttons = GLYPHS.map(([glyph, text]) => {
    const button = element("button", "vl-segment", { type: "button", role: "radio", "data-glyph": glyph }, text);
    button.addEventListener("click", () => actions.choose({ glyph }));
    return button;
  });
  const group = element("div", "vl-segments", { role: "radiogroup", "aria-label": "Show on each patch" }, ...buttons);
  group.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    const at = buttons.findIndex((button) => button.tabIndex === 0);
    const next = (at + step + buttons.length) % buttons.length;
    event.preventDefault();
    event.stopPropagation();
    buttons[next]?.focus();
    buttons[next]?.click();
  });
  const update = whenChanged(
    (s) => [s.glyph],
    ({ glyph }) =>
      buttons.forEach((button) => {
        const on = button.dataset["glyph"] === glyph;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on ? 0 : -1;
      }),
  );
  return { node: element("div", "vl-control", {}, element("span", "vl-control-name", {}, "Show"), group), update };
}

/** @param {Actions} actions @returns {import("./scene.js").Part} */
export function tintControl(actions) {
  const options = TINTS.map(([value, text]) => element("option", "", { value }, text));
  const select = element("select", "vl-select", { "aria-label": "Tint" }, ...options);
  select.addEventListener("change", () =>
    actions.choose({ tint: /** @type {import("./tints.js").TintName} */ (select.value) }),
  );
  // A focused menu takes its own keys; the notebook must not take them too.
  select.addEventListener("keydown", (event) => event.stopPropagation());
  const update = whenChanged((s) => [s.tint], ({ tint }) => void (select.value = tint));
  return { node: element("label", "vl-control", {}, element("span", "vl-control-name", {}, "Tint"), select), update };
}
