// Puts the scenes together: one state of affairs, as each family of parts wants to see it.
import { Composer } from "../attention_maps/composer.js";
import { Remembered } from "../lib/remembered.js";
import { classStyles } from "../patch_grid/classes.js";
import { besideRun, differenceScale as lensDifference, otherAnswers } from "../patch_grid/runs.js";
import { largest, scaleOf, upTo } from "../patch_grid/tints.js";
import { axisFor, boxOf, centreAt, layoutFor, panelFor } from "./layout.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Moment} Moment */
/** @typedef {import("./scene.js").Page} Page */
/** @typedef {import("./scene.js").Run} Run */

/**
 * @typedef {object} Around  what else a scene is made of
 * @property {number} width
 * @property {boolean} dark
 * @property {boolean} playing
 * @property {boolean} canAsk
 * @property {[number, number][]} requested
 * @property {Uint8Array} mask
 */

export class RunScenes {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {import("../infill_strip/painting.js").Meta | null} infillMeta
   * @param {import("../attention_maps/tokens.js").Tokens} tokens
   * @param {ReturnType<typeof import("../attention_maps/kernel.js").ofTheKernel>} kernel
   */
  constructor(meta, infillMeta, tokens, kernel) {
    this.meta = meta;
    this.infillMeta = infillMeta;
    this.remembered = new Remembered();
    /** @type {import("./layout.js").Layout | null} */
    this.layout = null;
    this.composer = new Composer(meta, tokens, kernel, (width, sizes) => this.layoutOf(width, sizes).attention);
  }

  /** @param {Choices} choices @param {Data} data @param {Moment} moment @param {Around} around @returns {import("./scene.js").Scenes} */
  of(choices, data, moment, around) {
    const shown = shownRun(choices, data);
    const attention = this.attention(choices, shown, data, moment, around);
    const page = this.page(choices, data, shown, moment, around);
    return {
      page,
      attention,
      grid: this.grid(page, moment),
      infill: this.infillMeta && data.infill ? this.infill(page, data.infill, moment, around) : null,
    };
  }

  /** @param {number} width @param {import("../attention_maps/layout.js").Sizes} sizes */
  layoutOf(width, sizes) {
    this.layout = layoutFor(width, sizes);
    return this.layout;
  }

  /** @param {Choices} choices @param {Data} data @param {Run} shown @param {Moment} moment @param {Around} around @returns {Page} */
  page(choices, data, shown, { folded }, { dark, playing, canAsk, requested }) {
    const layout = /** @type {import("./layout.js").Layout} */ (this.layout);
    const axis = this.remembered.get("axis", [layout], () => axisFor(layout.right, this.meta.state_names.length));
    const nInfill = this.infillMeta?.state_names.length ?? axis.nStates;
    return {
      choices,
      meta: this.meta,
      data,
      shown,
      block: blockOf(choices.state, this.meta.n_layers),
      isEdited: shown !== data.baseline,
      requested,
      canAsk,
      playing,
      folded,
      dark,
      ratio: window.devicePixelRatio || 1,
      layout,
      axis,
      infillAxis: nInfill === axis.nStates ? axis : this.remembered.get("infill axis", [layout], () => axisFor(layout.right, nInfill)),
      infillState: nInfill === axis.nStates ? choices.state : choices.infill_state,
    };
  }

  /** @param {Choices} choices @param {Run} shown @param {Data} data @param {Moment} moment @param {Around} around */
  attention(choices, { overview, statistics, reading }, { grounds }, moment, { width, dark }) {
    const { head, token, key, scale, direction, sort, order, error } = choices;
    const answer = (/** @type {number} */ layer, /** @type {number} */ position) => reading.answer(layer, position);
    const picture = this.remembered.get("picture", [grounds, reading], () => ({ grounds, answer }));
    const { passing, look, unfolded, arrivals } = moment;
    return this.composer.scene(
      { layer: blockOf(choices.state, this.meta.n_layers), head, token, key, scale, direction, sort, order, error, image: 0, show: "head", kind: "pattern", norm: "map", color: "map" },
      { overview, statistics, picture },
      { passing, look, unfolded, arrivals, neuronsOpen: false, width, dark, ratio: window.devicePixelRatio || 1 },
    );
  }

  /** What every lens reads in the run that is shown. @param {Page} page */
  lenses({ choices, data, shown }) {
    const own = this.remembered.get("run", [choices.lens, shown], () => ({ name: choices.lens ?? "", reading: shown.reading, columns: shown.columns }));
    const all = data.every.map(({ name, data: its }) => {
      const { reading, columns } = shownRun(choices, its);
      return name === choices.lens ? own : this.remembered.get(`run ${name}`, [reading, columns], () => ({ name, reading, columns }));
    });
    const runs = this.remembered.get("runs", all.length ? all : [own], () => (all.length ? all : [own]));
    return { run: own, runs, beside: besideRun(runs, choices) };
  }

  /** A class has one colour by all lenses. @param {Data} data */
  styles({ baseline, every }) {
    const first = every[0]?.data.baseline.reading ?? baseline.reading;
    const others = every.slice(1).map(({ data }) => data.baseline.reading);
    return this.remembered.get("styles", [first, ...others], () => classStyles(first, others));
  }

  /** @param {Page} page @param {Moment} moment @returns {import("../patch_grid/scene.js").Scene} */
  grid(page, { pointed, highlighted }) {
    const { choices, data, shown, isEdited, playing, dark, ratio } = page;
    const { reading, columns } = shown;
    const hasAnswers = reading.nClasses > 0;
    const isDifference = isEdited && hasAnswers && choices.run === "difference";
    const { run, runs, beside } = this.lenses(page);
    const ofLenses = beside !== null && Boolean(choices.difference) && !isDifference;
    const between = ofLenses ? this.remembered.get("between", [choices.tint, run, beside], () => lensDifference(choices.tint, run, beside)) : null;
    const tint = isDifference || between ? "difference" : hasAnswers ? choices.tint : "none";
    const scaleFor = (/** @type {import("../patch_grid/runs.js").Run} */ one) => scaleOf(tint, one.reading, one.columns, runs);
    return {
      reading,
      columns,
      grounds: data.grounds,
      styles: this.styles(data),
      state: choices.state,
      token: choices.token,
      asked: choices.target,
      prompts: choices.prompts,
      target: reading.label(columns.of),
      glyph: hasAnswers ? choices.glyph : "none",
      runs,
      run,
      beside,
      isDifference: ofLenses,
      tint,
      quantity: isDifference || !hasAnswers ? tint : choices.tint,
      scaleFor,
      scale: between ?? this.remembered.get("scale", [tint, runs, run, data.divergence], () => (isDifference ? differenceScale(data) : scaleFor(run))),
      error: choices.error,
      passing: pointed,
      highlight: highlighted,
      changed: this.remembered.get("changed", [isEdited, data.baseline.reading, reading, ofLenses && beside], () =>
        ofLenses ? otherAnswers(reading, beside.reading) : isEdited ? changedAnswers(data.baseline, shown) : null,
      ),
      image: reading.meta.image,
      small: null,
      canAsk: true,
      playing,
      dark,
      ratio,
      layout: this.remembered.get("grid layout", [page.layout], () => gridLayout(page.layout)),
    };
  }

  /** @param {Page} page @param {import("../infill_strip/scene.js").Data} data @param {Moment} moment @param {Around} around @returns {import("../infill_strip/scene.js").Scene} */
  infill({ choices, infillAxis, infillState, canAsk, playing, dark, ratio, layout }, data, { patch, state }, { mask }) {
    const meta = /** @type {import("../infill_strip/painting.js").Meta} */ (this.infillMeta);
    const { mask_ratio, seed, paste, reference, error } = choices;
    return {
      choices: { state: infillState, mask_ratio, seed, paste, reference, error, view: "picture", image: 0 },
      meta,
      data,
      mask,
      canAsk,
      patch,
      passing: state,
      wipe: 0.5,
      playing,
      dark,
      ratio,
      layout: this.remembered.get("infill layout", [layout], () => infillLayout(layout, infillAxis, meta)),
    };
  }
}

/** The block whose attention goes with a state: that of `final` is the last. @param {number} state @param {number} nLayers */
export const blockOf = (state, nLayers) => Math.min(state, nLayers - 1);

/** The state that goes with a block; where `final` is shown and goes with it, that stays. @param {number} block @param {number} state @param {number} nLayers */
export const stateOf = (block, state, nLayers) => (blockOf(state, nLayers) === block ? state : block);

/** @param {Choices} choices @param {Data} data @returns {Run} */
const shownRun = ({ run }, { baseline, edited }) => (run === "baseline" ? baseline : (edited ?? baseline));

/** @param {Data} data @returns {import("../patch_grid/tints.js").Scale} */
function differenceScale({ divergence, baseline: { reading } }) {
  return upTo(largest(divergence), (state, token) => divergence[reading.at(state, token)] ?? NaN);
}

/** @param {Run} before @param {Run} after */
const changedAnswers = (before, after) => (/** @type {number} */ state, /** @type {number} */ token) =>
  before.reading.topClass(state, token) !== after.reading.topClass(state, token);

/** @param {import("./layout.js").Layout} layout @returns {import("../patch_grid/layout.js").Layout} */
const gridLayout = ({ picture, oneHeader }) => ({
  mode: "columns",
  oneHeader,
  roomy: false,
  cell: picture.cell,
  pictureWidth: picture.width,
  pictureHeight: picture.height,
  leftWidth: picture.width,
  rightWidth: picture.width,
  strip: { cell: 1, panelWidth: 1, panelHeight: 1, perRow: 1, lines: 1, pitch: 1, left: 0, image: null },
  classesLeft: false,
  answers: 3,
});

/** Width that the masked image has in the rows' heads. */
const STILL = 148;

/** @param {import("./layout.js").Layout} layout @param {import("./layout.js").Axis} axis @param {import("../infill_strip/painting.js").Meta} grid @returns {import("../infill_strip/layout.js").Layout} */
function infillLayout({ left, right, oneHeader }, axis, grid) {
  const panel = panelFor(axis, grid);
  return {
    mode: "columns",
    oneHeader,
    left,
    right,
    gap: 0,
    still: boxOf(STILL, grid),
    large: panel,
    strip: { panel, perRow: axis.nStates, lines: 1, pitch: axis.pitch },
    centres: Array.from({ length: axis.nStates }, (_, state) => centreAt(axis, state)),
    band: axis.column,
  };
}
