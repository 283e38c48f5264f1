// The colours of the map and what they mean, directly under it.
import { colorAt, onPage } from "../lib/colormaps.js";
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { ramp } from "../lib/ramp.js";
import { MANY_TIMES, SOME_TIMES, special } from "./shades.js";

/** @typedef {import("./scene.js").Scene} Scene */

const SCALES = { log: "log scale", sqrt: "square-root scale", linear: "linear" };

/** @returns {import("./scene.js").Part} */
export function legend() {
  const scale = ramp();
  const words = element("div", "vl-map-words");
  const keys = element("span", "vl-hint", {}, "rows: query, columns: key · arrows move · Enter pins · Esc unpins");
  const node = element("div", "vl-map-legend", {}, scale.node, element("div", "vl-map-foot", {}, words, keys));
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.focus, s.choices.norm, s.dark], (s) => {
      if (!s.focus) return;
      const { map, ticks } = s.focus.scale;
      scale.draw((place) => colorAt(onPage(map, s.dark), place), ticks);
      fill(words, sentence(s), ...specials(s));
    }),
    whenChanged((s) => [s.focus, s.pair, s.arrivals], (s) => void scale.mark(markedPlace(s))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene */
function sentence({ focus, what, choices }) {
  const scale = SCALES[focus?.scale.name ?? "log"];
  if (what.show === "rollout") return `share of the rollout, ${scale}, this map’s own scale`;
  const whose = { map: "this map’s own scale", layer: `one scale for layer ${what.layer}`, all: "one scale for all maps" }[choices.norm];
  if (what.kind === "scores") return `score before the softmax, 0 in the middle, ${whose}`;
  const floor = ` (to ${focus?.scale.name === "log" ? MANY_TIMES : SOME_TIMES} × uniform at least)`;
  return `share of the query’s attention, ${scale}, ${whose}${floor}`;
}

/** Cells without a number, where there are some. @param {Scene} scene */
function specials({ focus }) {
  const { minusInfinity, notANumber } = special(focus?.map.codes ?? new Uint8Array());
  return [
    minusInfinity ? element("span", "vl-special vl-minus-infinity", {}, "−∞: knocked out") : null,
    notANumber ? element("span", "vl-special vl-not-a-number", {}, "NaN") : null,
  ];
}

/** Where the exact number of the pair looked at stands on the scale. @param {Scene} scene */
function markedPlace({ focus, pair, tokens, exact, what }) {
  const [query, key] = [pair.query, pair.key].map((token) => (token === null ? null : tokens.position(token)));
  if (query === null || query === undefined || key === null || key === undefined) return NaN;
  const value = exact.value(what, query, key);
  return value === null || !focus || !Number.isFinite(value) ? NaN : focus.scale.place(value);
}
