// Under the states of the lens that is shown, those of the one it is compared with.
import { filmstrip } from "./filmstrip.js";

/** @typedef {import("./scene.js").Scene} Scene */

/**
 * @param {import("./reading.js").Reading} reading
 * @param {import("../lib/grounds.js").Grounds} grounds
 * @param {import("./scene.js").Actions} actions
 * @returns {import("./scene.js").Part}
 */
export function besideStates(reading, grounds, actions) {
  const film = filmstrip(reading, grounds, actions, true);
  film.node.classList.add("vl-second");
  const update = (/** @type {Scene} */ scene) => {
    const run = scene.isDifference ? null : scene.beside;
    film.node.hidden = run === null;
    if (run) film.update({ ...scene, run, reading: run.reading, columns: run.columns, scale: scene.scaleFor(run) });
  };
  return { node: film.node, update };
}
