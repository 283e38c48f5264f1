// Making and changing DOM nodes. Text is always set as text: labels are data, never HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, className = "", attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  setAttributes(node, attributes);
  fill(node, ...children);
  return node;
}

/**
 * Sets attributes; null, undefined and false take one away.
 * @param {Element} node
 * @param {Record<string, string | number | boolean | null | undefined>} attributes
 */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    // As an attribute, a strict page would refuse it.
    else if (name === "style" && node instanceof HTMLElement) node.style.cssText = String(value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * Replaces what a node contains.
 * @param {Element} node
 * @param {...Child} children
 */
export function fill(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * @param {string} path  the `d` of an icon drawn in a 16 x 16 box
 * @param {"line" | "solid"} kind
 */
export function icon(path, kind = "line") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  setAttributes(svg, { viewBox: "0 0 16 16", class: `vl-icon vl-icon-${kind}`, "aria-hidden": "true" });
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

let made = 0;

/**
 * An id that no other widget on the page uses, for ARIA references.
 * @param {string} stem
 */
export const uniqueId = (stem) => `vl-${stem}-${++made}-${Math.random().toString(36).slice(2, 8)}`;
