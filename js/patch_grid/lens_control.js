// Which lens is shown, and which it is compared with: a line of its own under the header.
import { whenChanged } from "../lib/changes.js";
import { menu, segments } from "../lib/controls.js";
import { element } from "../lib/dom.js";

/** @typedef {import("./scene.js").Scene} Scene */

const NONE = "none";
/** Letters up to which names stand side by side. */
const MOST_LETTERS = 60;
const LENS = / lens$/;

/** Names without the word that all of them end with. @param {string[]} names @returns {[value: string, text: string][]} */
export const shortened = (names) => names.map((name) => [name, names.every((one) => LENS.test(one)) ? name.replace(LENS, "") : name]);

/**
 * @param {string[]} names
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function lensControl(names, actions) {
  const options = shortened(names);
  const isShort = options.reduce((total, [, text]) => total + text.length + 4, 0) <= MOST_LETTERS;
  const choose = (/** @type {string} */ lens) => actions.choose({ lens });
  const shown = isShort ? segments("Lens", "Lens", options, choose) : menu("Lens", "Lens", options, choose);
  const beside = menu("Compare with", "Lens to compare with", [], (name) => actions.choose({ beside: name === NONE ? null : name }));
  const how = segments("", "How two lenses are compared", [["both", "Both"], ["difference", "Difference"]], (way) =>
    actions.choose({ difference: way === "difference" }),
  );
  const node = element("div", "vl-lenses", { role: "group", "aria-label": "Lenses" }, shown.node, beside.node, how.node, element("span", "vl-hint", {}, "L: the next lens"));
  const update = whenChanged((/** @type {Scene} */ s) => [s.run.name, s.beside, s.isDifference], (s) => {
    shown.show(s.run.name);
    beside.offer([[NONE, "none"], ...options.filter(([name]) => name !== s.run.name)]);
    beside.show(s.beside?.name ?? NONE);
    how.node.hidden = s.beside === null;
    how.show(s.isDifference ? "difference" : "both");
  });
  return { node, update };
}
