// The infilling's row: what is painted from each state, and the masked image to paint on.
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { placeRing, ring } from "../lib/patch_cells.js";
import { placeUnder } from "../infill_strip/brush.js";
import { pictureCanvas, put } from "../infill_strip/canvases.js";
import { places } from "../infill_strip/stills.js";
import { markCurrent } from "./answers_lanes.js";
import { lane, listenToLane } from "./lanes.js";

/** @typedef {import("./scene.js").Scenes} Scenes */

/**
 * @param {import("../infill_strip/painting.js").Meta} meta
 * @param {import("../infill_strip/scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function paintings(meta, actions) {
  const row = lane(meta.state_names.length, "vl-lane-paintings", (state) => {
    const canvas = pictureCanvas("vl-infilled");
    const passing = ring("vl-ring-passing");
    const frame = element("div", "vl-panel", {}, canvas, passing);
    return { node: element("div", "vl-lane-cell", { "data-state": state, "aria-hidden": "true" }, frame), canvas, passing, frame };
  });
  listenToLane(row.node, (state) => actions.choose({ state }));
  listenToPatches(row, meta, actions);
  const drawings = [
    whenChanged((/** @type {Scenes} */ { infill }) => [infill?.layout], ({ page, infill }) => {
      const { width, height, cell } = infill?.layout.strip.panel ?? { width: 1, height: 1, cell: 1 };
      row.place(page.infillAxis, height);
      row.cells.forEach(({ frame }) => {
        Object.assign(frame.style, { width: `${width}px`, height: `${height}px` });
        frame.style.setProperty("--vl-cell", `${cell}px`);
      });
    }),
    whenChanged(({ infill }) => [infill?.data.painting, infill?.choices.paste], ({ infill }) =>
      row.cells.forEach(({ canvas }, state) => infill && put(canvas, infill.data.painting.picture(state, infill.choices.paste))),
    ),
    whenChanged(({ infill }) => [infill?.choices.state], ({ page }) => markCurrent(row.cells, page.infillState)),
    whenChanged(({ infill }) => [infill?.patch, infill?.layout], ({ infill }) =>
      row.cells.forEach(({ passing }) => placeRing(passing, infill?.patch ?? null, places(meta), infill?.layout.strip.panel.cell ?? 1)),
    ),
  ];
  return { node: row.node, update: (scenes) => drawings.forEach((draw) => draw(scenes)) };
}

/** Which state and patch are pointed at. @param {{ node: HTMLElement, cells: { frame: HTMLElement }[] }} row @param {{ rows: number, cols: number }} grid @param {import("../infill_strip/scene.js").Actions} actions */
function listenToPatches({ node, cells }, grid, { pass }) {
  node.addEventListener("pointermove", (event) => {
    const state = cells.findIndex(({ frame }) => event.target instanceof Node && frame.contains(event.target));
    const frame = cells[state]?.frame;
    if (!frame) return pass(null);
    const { row, col } = placeUnder(frame.getBoundingClientRect(), grid, event);
    pass(row * grid.cols + col, state);
  });
  node.addEventListener("pointerleave", () => pass(null));
}
