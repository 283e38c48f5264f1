// Rows that share the axis of states: what each has in every state, under one another.
import { element } from "../lib/dom.js";
import { centreAt, columnAt } from "./layout.js";

/** @typedef {import("./layout.js").Axis} Axis */

/**
 * A row of one node a state.
 * @template {{ node: HTMLElement }} Cell
 * @param {number} nStates
 * @param {string} className
 * @param {(state: number) => Cell} make
 * @returns {{ node: HTMLElement, cells: Cell[], place: (axis: Axis, height: number) => void }}
 */
export function lane(nStates, className, make) {
  const cells = Array.from({ length: nStates }, (_, state) => make(state));
  const node = element("div", `vl-lane-cells ${className}`, {}, ...cells.map((cell) => cell.node));
  return {
    node,
    cells,
    place: (axis, height) => {
      node.style.height = `${height}px`;
      cells.forEach((cell, state) => {
        cell.node.style.left = `${columnAt(axis, state)}px`;
        cell.node.style.width = `${axis.column}px`;
      });
    },
  };
}

/** The mark of a state through all rows. @returns {{ node: HTMLElement, place: (axis: Axis, state: number) => void }} */
export function band() {
  const node = element("div", "vl-lane-band", { "aria-hidden": "true" });
  return {
    node,
    place: (axis, state) => {
      node.style.left = `${centreAt(axis, state) - axis.column / 2 - 4}px`;
      node.style.width = `${axis.column + 8}px`;
    },
  };
}

/** Clicks in a row choose their state. @param {HTMLElement} node @param {(state: number) => void} choose */
export function listenToLane(node, choose) {
  node.addEventListener("click", ({ target }) => {
    const found = target instanceof Element ? target.closest("[data-state]") : null;
    if (found) choose(Number(found.getAttribute("data-state")));
  });
}
