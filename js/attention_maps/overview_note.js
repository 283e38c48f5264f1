// What is written by the thumbnails, or what their colours mean.
import { colorAt } from "../lib/colormaps.js";
import { element } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { ramp } from "../lib/ramp.js";
import { statisticControl } from "./controls.js";
import { shownStatistic, statisticMap } from "./overview.js";
import { measure, shortUnit } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function overviewNote(actions) {
  const coloring = statisticControl("Colour by", "color", ["map", "map"], actions);
  const words = element("div", "vl-hint");
  const scale = ramp();
  const node = element("div", "vl-overview-note", {}, element("div", "vl-coloring", {}, coloring.node, scale.node), words);
  const draw = whenChanged(
    (/** @type {Scene} */ s) => [s.choices.sort, s.choices.order, s.choices.color, s.choices.norm, s.statistics, s.overview, s.layout],
    (s) => {
      const colored = s.statistics.find(({ name }) => name === s.choices.color);
      scale.node.hidden = !colored;
      if (colored) {
        const { least, most } = colored;
        const ticks = [0, 0.5, 1].map((at) => ({ at, text: measure(least + at * (most - least)) }));
        scale.draw((place) => colorAt(statisticMap(colored), place), ticks);
      }
      words.textContent = sentences(s, colored !== undefined).join("; ");
    },
  );
  const update = (/** @type {Scene} */ scene) => {
    coloring.update(scene);
    draw(scene);
  };
  return { node, update };
}

/** @param {import("./map_cache.js").Overview} overview */
export const comingWords = ({ missing, nLayers }) => (missing ? `${nLayers - missing} of ${nLayers} layers so far` : "");

/** @param {Scene} scene @param {boolean} isColored */
function sentences(scene, isColored) {
  const { choices, layout, overview, statistics } = scene;
  const statistic = shownStatistic(scene);
  const unit = statistic ? `${statistic.label} (${shortUnit(statistic.unit)})` : "";
  const isSorted = choices.sort !== "layer";
  const named = layout.overview.below > 0 ? `under each map: layer and head, ${unit}` : isSorted ? `left: ${unit} of the first head in each row` : "";
  const color = statistics.find(({ name }) => name === choices.color);
  const shown = isColored && color ? `colour: ${color.label}, ${color.unit}` : overview.isWhole ? "" : `each thumbnail pixel is the mean of a block of weights`;
  const own = isColored || choices.norm !== "map" ? "" : "each on its own scale";
  return [comingWords(overview), named, shown, own].filter(Boolean);
}
