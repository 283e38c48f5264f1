// The pieces of a read-out line: labels in grey, values in bold.
import { element } from "./dom.js";

/** @param {...import("./dom.js").Child} children */
export const line = (...children) => element("div", "vl-readout-line", {}, ...children);

/** @param {...import("./dom.js").Child} children */
export const part = (...children) => element("span", "vl-part", {}, ...children);

/** @param {string} text */
export const value = (text) => element("b", "vl-value", {}, text);

/** @param {string} text */
export const quiet = (text) => element("span", "vl-quiet", {}, text);

/** @param {string} text */
export const name = (text) => element("span", "vl-name", { title: text }, text);
