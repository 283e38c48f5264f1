// Labels as text on the page: an emoji with its name.
import { element } from "./dom.js";

/** @typedef {import("./labels.js").Label} Label */

/** @param {string} emoji */
export const emojiNode = (emoji) =>
  emoji ? element("span", "vl-emoji", { "aria-hidden": "true" }, emoji) : null;

/**
 * Emoji and name; the name is cut where there is no room, and whole in its title.
 * @param {Label} label
 * @param {string} className
 */
export const labelNode = (label, className = "vl-name") =>
  element("span", "vl-label", {}, emojiNode(label.emoji), element("span", className, { title: label.name }, label.name));
