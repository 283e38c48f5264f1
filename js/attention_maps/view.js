// All parts together: keeps what the reader does at this moment (pointing, zooming), puts the scene
// together, and hands it to every part. It knows nothing of Jupyter.
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { Stage } from "../lib/stage.js";
import { assemble } from "./assembly.js";
import { ofTheKernel } from "./kernel.js";
import { layoutFor } from "./layout.js";
import { orderOf } from "./order.js";
import { otherToken, pinnedBy, turned } from "./pins.js";
import { palette, scaleOf } from "./shades.js";
import { keyOf, kindOf } from "./stores.js";
import { Tokens } from "./tokens.js";
import { wholeView } from "./viewport.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Pair} Pair */
/** @typedef {import("./scene.js").Focus} Focus */

/**
 * @typedef {object} Data  what the kernel has sent and may send anew
 * @property {import("./stores.js").Overview} overview
 * @property {import("./scene.js").Statistic[]} statistics
 * @property {import("./scene.js").Picture} picture
 */

/** @type {Pair} */
const NOTHING = { query: null, key: null };

export class AttentionView {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {Data} data
   * @param {Choices} choices
   * @param {import("../lib/requests.js").Ask} ask
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   */
  constructor(meta, data, choices, ask, onChoose) {
    this.meta = meta;
    this.data = data;
    this.choices = choices;
    this.onChoose = onChoose;
    this.tokens = new Tokens(meta);
    this.passing = NOTHING;
    this.unfolded = false;
    this.neuronsOpen = false;
    /** Counts what has arrived from the kernel. */
    this.arrivals = 0;
    /** @type {import("../lib/error_strip.js").Complaint | undefined} */
    this.complaint = undefined;
    /** @type {Focus | null} */
    this.focus = null;
    this.focusKey = "";
    /** @type {Record<string, { of: unknown[], value: any }>} */
    this.remembered = {};
    /** @type {import("./viewport.js").View | null} null: the whole map */
    this.look = null;
    this.kernel = ofTheKernel(
      this.tokens.n,
      ask,
      () => {
        this.arrivals++;
        this.draw();
      },
      (sentence, again) => this.complain(sentence, [{ text: "Try again", run: again }]),
    );
    const { node, strip, parts } = assemble(meta, this.tokens, this.actions());
    this.node = node;
    this.strip = strip;
    this.parts = parts;
    this.stage = new Stage(node, () => this.draw());
    node.addEventListener("keydown", (event) => this.onKey(event), { signal: this.stage.life.signal });
  }

  /** @returns {import("./scene.js").Actions} */
  actions() {
    return {
      choose: (change) => this.choose({ ...change, ...turned(change, this.choices) }),
      passToken: (token) => this.pass(token === null ? NOTHING : otherToken(token, this.choices)),
      pinToken: (token) => {
        if (this.tokens.position(token) !== null) this.choose(pinnedBy(token, this.choices));
      },
      passCell: (pair) => this.pass(pair ?? NOTHING),
      pinCell: ({ query, key }) => {
        const isPinned = this.choices.token === query && this.choices.key === key;
        this.choose(isPinned ? { token: null, key: null } : { token: query, key });
      },
      look: (view) => {
        this.look = view;
        this.draw();
      },
      openNeurons: (open) => {
        this.neuronsOpen = open;
        this.draw();
      },
      unfold: () => {
        this.unfolded = !this.unfolded;
        this.draw();
      },
    };
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.complaint = undefined;
    this.onChoose(change);
  }

  /** @param {Pair} passing */
  pass(passing) {
    const known = (/** @type {number | null} */ token) => token === null || this.tokens.position(token) !== null;
    const next = known(passing.query) && known(passing.key) ? passing : NOTHING;
    if (next.query === this.passing.query && next.key === this.passing.key) return;
    this.passing = next;
    this.draw();
  }

  /** @param {string} sentence @param {import("../lib/error_strip.js").Remedy[]} remedies */
  complain(sentence, remedies) {
    const run = (/** @type {() => void} */ then) => () => {
      this.complaint = undefined;
      then();
      this.draw();
    };
    this.complaint = { sentence, remedies: remedies.map((remedy) => ({ ...remedy, run: run(remedy.run) })) };
    this.draw();
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    const { layer, token, key } = this.choices;
    if (event.key === "[") this.choose({ layer: Math.max(0, layer - 1) });
    else if (event.key === "]") this.choose({ layer: Math.min(this.meta.n_layers - 1, layer + 1) });
    else if (event.key === "Escape" && (token !== null || key !== null)) this.choose({ token: null, key: null });
    else return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** New choices, and new data if there are any. @param {Choices} choices @param {Data} data */
  update(choices, data) {
    this.choices = choices;
    this.data = data;
    this.draw();
  }

  draw() {
    if (!this.stage.isShown) return;
    const scene = this.scene();
    this.node.dataset["mode"] = scene.layout.mode;
    this.node.classList.toggle("vl-wide-stack", this.stage.width - scene.layout.imageWidth >= 280);
    this.node.style.setProperty("--vl-map", `${scene.layout.mapSide}px`);
    this.node.style.setProperty("--vl-overview", `${scene.layout.overview.width}px`);
    this.node.style.setProperty("--vl-image", `${scene.layout.imageWidth}px`);
    for (const part of this.parts) part.update(scene);
    this.strip.show(this.complaint ?? { sentence: this.choices.error, remedies: [] }, () => {
      this.complaint = undefined;
      if (this.choices.error) this.onChoose({ error: "" });
      else this.draw();
    });
    this.showWaiting(scene.isStale);
    this.node.dataset["vitlensDrawn"] = this.focusKey;
  }

  /** What the kernel is at, and what it has failed to give. @param {boolean} isStale  the map shown is not the one chosen */
  showWaiting(isStale) {
    const isAsked = this.kernel.maps.requests.isWaiting;
    this.stage.showWaiting((isStale && isAsked) || this.isOverviewStale());
    this.node.classList.toggle("vl-failed", isStale && !isAsked);
  }

  /** The overview is of another kind or image than those chosen: the kernel is at it. */
  isOverviewStale() {
    const { overview } = this.data;
    return overview.kind !== this.choices.kind || overview.image !== this.choices.image;
  }

  /** @returns {Scene} */
  scene() {
    const { choices, tokens, data } = this;
    const { show, kind, layer, head, image } = choices;
    const what = this.remember("what", [show, kind, layer, head, image], () => ({ show, kind, layer, head, image }));
    const pinned = this.remember("pinned", [choices.token, choices.key], () => ({ query: choices.token, key: choices.key }));
    const [query, key] = [this.passing.query ?? pinned.query, this.passing.key ?? pinned.key];
    const pair = this.remember("pair", [query, key], () => ({ query, key }));
    const layout = this.remember("layout", [this.stage.width], () => this.layout());
    const sheet = this.remember("sheet", [layout], () => ({ n: tokens.n, nBefore: tokens.nBefore, side: layout.mapSide }));
    const whole = this.remember("whole", [sheet], () => {
      this.look = null; // another size: what was zoomed into is elsewhere
      return wholeView(sheet);
    });
    const map = this.kernel.maps.find(what, data.overview);
    this.refocus(what, map);
    this.kernel.exact.want(what, this.positionOf(query), this.positionOf(key));
    return {
      choices,
      meta: this.meta,
      tokens,
      what,
      focus: this.focus,
      isStale: map === null,
      overview: data.overview,
      statistics: data.statistics,
      order: this.remember("order", [choices.sort, choices.order, data.statistics], () => orderOf(choices, data.statistics, this.meta)),
      picture: data.picture,
      pinned,
      passing: this.passing,
      pair,
      exact: this.kernel.exact,
      arrivals: this.arrivals,
      view: this.look ?? whole,
      sheet,
      neurons: this.neuronsOpen ? this.kernel.neurons.find(what, this.positionOf(pinned.query), this.positionOf(pinned.key)) : null,
      unfolded: this.unfolded,
      dark: this.stage.dark,
      ratio: window.devicePixelRatio || 1,
      layout,
    };
  }

  /** @param {number | null} token */
  positionOf(token) {
    return token === null ? null : this.tokens.position(token);
  }

  layout() {
    this.data.picture.grounds.forgetSizes();
    const { rows, cols, n_layers: nLayers, n_heads: nHeads, side: thumbnail } = this.meta;
    return layoutFor(this.stage.width, { n: this.tokens.n, nBefore: this.tokens.nBefore, rows, cols, nLayers, nHeads, thumbnail });
  }

  /**
   * The map shown large with its colours; the last one stays while another is on its way.
   * @param {import("./stores.js").What} what
   * @param {import("./stores.js").AttentionMap | null} map
   */
  refocus(what, map) {
    if (!map) return;
    const { scale, norm } = this.choices;
    this.focus = this.remember("focus", [map.key, map.codes, scale, norm, this.data.overview], () => {
      const drawn = scaleOf(map.kind, scale, map.range, this.sharing(what), this.tokens.n);
      return { map, scale: drawn, colors: palette(drawn, map.range, map.kind) };
    });
    this.focusKey = keyOf(what);
  }

  /**
   * The ranges of the maps that share a scale with this one.
   * @param {import("./stores.js").What} what
   */
  sharing(what) {
    const { overview } = this.data;
    const { norm } = this.choices;
    if (norm === "map" || what.show === "rollout" || overview.kind !== kindOf(what) || overview.image !== what.image) return [];
    const first = overview.index(what.layer, 0);
    return norm === "all" ? overview.ranges : overview.ranges.slice(first, first + overview.nHeads);
  }

  /**
   * A value that is made anew only when what it is made of changes, so that parts can tell by identity.
   * @template Value
   * @param {string} name
   * @param {unknown[]} of
   * @param {() => Value} make
   * @returns {Value}
   */
  remember(name, of, make) {
    const known = this.remembered[name];
    if (known?.of.every((value, i) => Object.is(value, of[i]))) return known.value;
    const value = make();
    this.remembered[name] = { of, value };
    return value;
  }

  destroy() {
    this.stage.destroy();
  }
}
