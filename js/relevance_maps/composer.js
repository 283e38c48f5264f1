// Puts the scene together: what was chosen, what the reader does at this moment, what has arrived.
import { Remembered } from "../lib/remembered.js";
import { layoutFor } from "./layout.js";
import { scaleFor } from "./shades.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Whose} Whose */
/** @typedef {import("./maps.js").What} What */
/** @typedef {import("./shades.js").Scale} Scale */

/** @type {Whose[]} */
const PAIR = [0, 1, "difference"];
/** @type {Whose[]} */
const ONE = [0];

export class Composer {
  /** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Tokens} tokens @param {boolean} canAsk */
  constructor(meta, tokens, canAsk) {
    this.meta = meta;
    this.tokens = tokens;
    this.canAsk = canAsk;
    this.remembered = new Remembered();
  }

  /** @param {Choices} choices @param {Data} data @param {import("./scene.js").Moment} moment @returns {Scene} */
  scene(choices, data, moment) {
    const { meta, tokens, canAsk } = this;
    const { maps } = data;
    const whose = maps.of.against === null ? ONE : PAIR;
    const show = maps.hasHeads ? choices.show : "all";
    const what = this.remembered.get("what", [show, choices.layer, choices.head], () => ({ show, layer: choices.layer, head: choices.head }));
    return {
      ...data,
      ...moment,
      choices,
      asked: canAsk ? choices : maps.of,
      meta,
      tokens,
      what,
      whose,
      heads: whose === ONE ? 0 : /** @type {Whose} */ ({ target: 0, against: 1, difference: "difference" }[choices.heads_of]),
      token: moment.passing ?? choices.token,
      canAsk,
      scaleOf: this.scales(choices, data, whose),
      layout: this.layoutOf(moment.width, data, whose.length > 1),
    };
  }

  /** The scale of each map, made once while nothing changes that it depends on. @param {Choices} choices @param {Data} data @param {Whose[]} whose */
  scales({ norm, shared, scale }, { maps }, whose) {
    return this.remembered.get("scales", [maps, norm, shared, scale], () => {
      /** @type {Map<string, Scale>} */
      const made = new Map();
      return (/** @type {Whose} */ one, /** @type {What} */ what) => {
        const end = Math.max(...(shared ? whose : [one]).map((each) => largestOf(maps, each, what, norm)));
        const key = `${maps.isDiverging(one)} ${end}`;
        const known = made.get(key) ?? scaleFor(maps.isDiverging(one), scale, end);
        made.set(key, known);
        return known;
      };
    });
  }

  /** @param {number} width @param {Data} data @param {boolean} isPair */
  layoutOf(width, { maps, grounds }, isPair) {
    return this.remembered.get("layout", [width, maps.hasHeads, isPair], () => {
      grounds.forgetSizes();
      const { rows, cols, n_layers: nLayers, n_heads } = this.meta;
      return layoutFor(width, { rows, cols, nLayers, nHeads: maps.hasHeads ? n_heads : 0, isPair });
    });
  }
}

/** Where a map's scale ends: the largest magnitude among the maps that share it. @param {import("./maps.js").Maps} maps @param {Whose} whose @param {What} what @param {Choices["norm"]} norm */
function largestOf(maps, whose, what, norm) {
  if (what.show === "all" || norm === "map" || (what.show === "layer" && norm === "layer")) return maps.largest(whose, what);
  const { nLayers, nHeads } = maps.sizes;
  const layers = norm === "all" ? Array.from({ length: nLayers }, (_, layer) => layer) : [what.layer];
  const heads = what.show === "layer" ? [0] : Array.from({ length: nHeads }, (_, head) => head);
  return Math.max(...layers.flatMap((layer) => heads.map((head) => maps.largest(whose, { show: what.show, layer, head }))));
}
