// Puts the scene together: what was chosen, what the reader does at this moment, what has arrived.
import { Remembered } from "../lib/remembered.js";
import { layoutFor } from "./layout.js";
import { orderOf } from "./order.js";
import { restingToken } from "./resting.js";
import { overlay, palette, scaleOf } from "./shades.js";
import { keyOf, kindOf } from "./map_cache.js";
import { wholeView } from "./viewport.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Moment} Moment */
/** @typedef {import("./map_cache.js").What} What */

export class Composer {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {import("./tokens.js").Tokens} tokens
   * @param {ReturnType<typeof import("./kernel.js").ofTheKernel>} kernel
   * @param {(width: number, sizes: import("./layout.js").Sizes) => import("./layout.js").Layout} layOut
   */
  constructor(meta, tokens, kernel, layOut = layoutFor) {
    this.meta = meta;
    this.tokens = tokens;
    this.kernel = kernel;
    this.layOut = layOut;
    this.remembered = new Remembered();
    /** @type {import("./scene.js").Focus | null} */
    this.focus = null;
  }

  /** @param {Choices} choices @param {Data} data @param {Moment} moment @returns {Scene} */
  scene(choices, data, moment) {
    const { meta, tokens, kernel } = this;
    const what = this.whatOf(choices, data.overview);
    const map = kernel.maps.find(what, data.overview);
    if (map) this.focus = this.focusOf(map, what, choices, data.overview, moment.dark);
    else if (!kernel.exact.requests) this.focus = null; // it will not come, and no other is it
    const looked = this.pairOf(choices, moment);
    const isResting = looked.query === null && looked.key === null;
    const pair = isResting ? this.restingPair(choices) : looked;
    kernel.exact.want(what, this.positionOf(pair.query), this.positionOf(pair.key));
    const { sort, order } = choices;
    return {
      ...data,
      ...moment,
      ...this.sizesOf(moment, data),
      choices,
      meta,
      tokens,
      what,
      pair,
      isResting,
      pinned: this.pinnedOf(choices),
      focus: this.focus,
      isStale: map === null,
      order: this.remembered.get("order", [sort, order, data.statistics], () => orderOf(choices, data.statistics, meta)),
      exact: kernel.exact,
      canAsk: kernel.exact.requests !== null,
      neurons: moment.neuronsOpen ? kernel.neurons.find(what, this.positionOf(choices.token), this.positionOf(choices.key)) : null,
    };
  }

  /**
   * All parts switch to another image together, when its arrays are here.
   * @param {Choices} choices
   * @param {import("./map_cache.js").Overview} overview
   * @returns {What}
   */
  whatOf({ show, kind, layer, head }, { image, run }) {
    return this.remembered.get("what", [show, kind, layer, head, image, run], () => {
      const what = { show, kind, layer, head, image };
      return run === undefined ? what : { ...what, run };
    });
  }

  /** @param {Choices} choices @returns {import("./scene.js").Pair} */
  pinnedOf({ token: query, key }) {
    return this.remembered.get("pinned", [query, key], () => ({ query, key }));
  }

  /** What is looked at: what is pointed at, or else what is pinned. @param {Choices} choices @param {Moment} moment @returns {import("./scene.js").Pair} */
  pairOf(choices, { passing }) {
    const [query, key] = [passing.query ?? choices.token, passing.key ?? choices.key];
    return this.remembered.get("pair", [query, key], () => ({ query, key }));
  }

  /** While nothing is looked at: what CLS attends to, or who attends to it. @param {Choices} choices @returns {import("./scene.js").Pair} */
  restingPair({ direction }) {
    const map = this.focus?.map ?? null;
    const token = this.remembered.get("resting", [map], () => restingToken(this.tokens, map));
    return this.remembered.get("resting pair", [token, direction], () => (direction === "to" ? { query: token, key: null } : { query: null, key: token }));
  }

  /** @param {number | null} token */
  positionOf(token) {
    return token === null ? null : this.tokens.position(token);
  }

  /** @param {Moment} moment @param {Data} data @returns {Pick<Scene, "layout" | "sheet" | "view">} */
  sizesOf({ width, look }, { picture }) {
    const { n, nBefore } = this.tokens;
    const layout = this.remembered.get("layout", [width], () => {
      picture.grounds.forgetSizes();
      const { rows, cols, n_layers: nLayers, n_heads: nHeads, side: thumbnail } = this.meta;
      return this.layOut(width, { n, nBefore, rows, cols, nLayers, nHeads, thumbnail });
    });
    const sheet = this.remembered.get("sheet", [layout], () => ({ n, nBefore, side: layout.mapSide }));
    const whole = this.remembered.get("whole", [sheet], () => wholeView(sheet));
    return { layout, sheet, view: look?.sheet === sheet ? look.view : whole };
  }

  /**
   * A map with its colours.
   * @param {import("./map_cache.js").AttentionMap} map
   * @param {What} what
   * @param {Choices} choices
   * @param {import("./map_cache.js").Overview} overview
   * @param {boolean} dark
   * @returns {import("./scene.js").Focus}
   */
  focusOf(map, what, { scale: name, norm }, overview, dark) {
    return this.remembered.get("focus", [map.key, map.codes, name, norm, overview, dark], () => {
      const scale = scaleOf(map.kind, name, map.range, sharing(what, norm, overview), this.tokens.n);
      const colors = palette(scale, map.range, map.kind, dark);
      return { map, scale, colors, laid: overlay(palette(scale, map.range, map.kind), scale, map.range, map.kind), name: keyOf(what) };
    });
  }
}

/**
 * The ranges of the maps that share a scale with one map; none when it has its own.
 * @param {What} what
 * @param {Choices["norm"]} norm
 * @param {import("./map_cache.js").Overview} overview
 */
function sharing(what, norm, overview) {
  const isOfOthers = overview.kind !== kindOf(what) || overview.image !== what.image;
  return what.show === "rollout" || isOfOthers ? [] : overview.sharing(norm, what.layer);
}
