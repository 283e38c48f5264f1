// The texts that a model of images and texts classifies by: typed here, answered at once.
import { whenChanged } from "../lib/changes.js";
import { element, fill, icon } from "../lib/dom.js";

/** @typedef {import("./scene.js").Scene} Scene */

const CROSS = "M4.500 4.500l7 7M11.500 4.500l-7 7";
const LONGEST = 400;

/** @param {string[]} one @param {string[]} other */
const areSame = (one, other) => one.length === other.length && one.every((text, i) => text === other[i]);

/** Whether prompts are on their way that the reading does not answer. @param {string[]} prompts @param {import("./reading.js").Reading} reading */
export const areAsked = (prompts, { meta: { prompts: answered } }) => Boolean(answered) && !areSame(prompts, answered ?? []);

/** What the field stands in is made anew, while the next prompt is being typed. @param {{ node: HTMLElement } | null} field @param {() => void} remake */
export function keepingFocus(field, remake) {
  const focused = field?.node.querySelector(":focus");
  remake();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
}

/**
 * It outlives the view that it stands in: each answer makes a new one, while the next is being typed.
 * @param {(prompts: string[]) => void} choose
 */
export function promptField(choose) {
  let asked = /** @type {string[]} */ ([]);
  let sent = "";
  const list = element("ul", "vl-prompt-list", { "aria-label": "Prompts" });
  const input = element("input", "vl-prompt-input", { type: "text", placeholder: "new prompt, such as “a photo of a cat” …", "aria-label": "New prompt", maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
  const hint = element("span", "vl-hint", { role: "status" });
  const node = element("section", "vl-prompts", { "aria-label": "Prompts" }, element("span", "vl-control-name", {}, "Prompts"), list, element("div", "vl-prompt-new", {}, input, hint));
  const say = (/** @type {string} */ words) => (hint.textContent = words);
  const add = () => {
    const text = input.value.trim();
    const refusal = !text ? "a prompt has at least one letter" : asked.includes(text) ? "it is there already" : "";
    say(refusal);
    if (refusal) return;
    sent = text;
    input.value = "";
    choose([...asked, text]);
  };
  input.addEventListener("input", () => say(input.value ? "Enter asks" : ""));
  input.addEventListener("keydown", (event) => {
    event.stopPropagation(); // typing must not reach the notebook's or the widget's own keys
    if (event.key === "Enter") add();
    else if (event.key === "Escape") {
      input.value = "";
      say("");
    } else return;
    event.preventDefault();
  });
  const remove = (/** @type {string} */ text) => {
    input.focus({ preventScroll: true }); // the button that was pressed goes
    choose(asked.filter((one) => one !== text));
  };
  const update = whenChanged((/** @type {Scene} */ s) => [s.prompts, s.reading, s.error], (s) => {
    const answered = s.reading.meta.prompts ?? [];
    asked = s.prompts;
    const isWaiting = !areSame(asked, answered);
    if (s.error && sent && !asked.includes(sent) && !input.value) input.value = sent; // to be mended
    if (!isWaiting) sent = s.error ? sent : "";
    say(isWaiting ? "the model reads it …" : "");
    fill(list, ...asked.map((text) => chip(text, !answered.includes(text), asked.length === 1, remove)));
  });
  return { node, update };
}

/** @param {string} text @param {boolean} isPending @param {boolean} isAlone @param {(text: string) => void} remove */
function chip(text, isPending, isAlone, remove) {
  const cross = element("button", "vl-prompt-remove", { type: "button", "aria-label": `Remove ${text}`, title: isAlone ? "The last prompt stays: give another one first" : `Remove “${text}”`, disabled: isAlone }, icon(CROSS));
  cross.addEventListener("click", () => remove(text));
  return element("li", `vl-prompt${isPending ? " vl-pending" : ""}`, {}, element("span", "vl-name", { title: text }, text), cross);
}
