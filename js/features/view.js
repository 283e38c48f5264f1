// All parts together: keeps what the reader does at this moment, puts the scene together, and hands
// it to every part. It asks the kernel for what is looked at. It knows nothing of Jupyter.
import { sayErrors } from "../lib/error_strip.js";
import { moved } from "../lib/grid_keys.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { PartsView } from "../lib/parts_view.js";
import { Remembered } from "../lib/remembered.js";
import { Stage } from "../lib/stage.js";
import { assemble } from "./assembly.js";
import { topOf } from "./here.js";
import { layoutFor } from "./layout.js";
import { Looks } from "./looks.js";
import { Points, scaleOf } from "./points.js";
import { neighbour } from "./title.js";
import { wantsEffect } from "./words.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Meta} Meta */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./scene.js").Look} Look */
/** @typedef {import("./scene.js").Kind} Kind */
/** @typedef {import("./received.js").Data} Data */

/** Features that Backspace leads back to. */
const MOST_BACK = 50;
const STRENGTH_KEYS = new Set(["0", "1", "4"]);

/** @extends {PartsView<Meta, Data, Choices>} */
export class FeaturesView extends PartsView {
  /**
   * @param {Meta} meta
   * @param {Data} data
   * @param {Choices} choices
   * @param {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel
   * @param {(change: Partial<Choices>) => void} onChoose
   */
  constructor(meta, data, choices, ask, onChoose) {
    super(meta, data, choices, ask, onChoose);
    /** @type {import("./scene.js").Moment} */
    this.moment = { pointed: null, passing: null, value: null, words: "", frame: null, only: null, partnersOf: null };
    /** @type {Scene | null} what was drawn last */
    this.scene_ = null;
    /** @type {number[]} ids on the list's page */
    this.rows = [];
    /** @type {number[]} */
    this.history = [];
    this.remembered = new Remembered();
    const complain = (/** @type {string} */ sentence, /** @type {() => void} */ again) => this.complain(sentence, [{ text: "Try again", run: again }]);
    this.looks = new Looks(ask, () => this.draw(), complain);
    const { node, errors, input, parts } = assemble(meta, this.actions());
    this.node = node;
    this.errors = errors;
    this.input = input;
    this.parts = parts;
    this.stage = new Stage(node, () => this.draw());
    node.addEventListener("keydown", (event) => this.onKey(event), { signal: this.stage.life.signal });
  }

  /** @returns {import("./scene.js").Actions} */
  actions() {
    return {
      choose: (change) => this.choose(change),
      go: (id) => this.go(id),
      set: (change) => this.set(change),
      rows: (ids) => this.show(ids),
      complain: (sentence, remedies) => this.complain(sentence, remedies),
    };
  }

  /** @param {Partial<import("./scene.js").Moment>} change */
  set(change) {
    if (Object.entries(change).every(([name, value]) => Object.is(value, this.moment[/** @type {keyof import("./scene.js").Moment} */ (name)]))) return;
    this.moment = { ...this.moment, ...change };
    this.draw();
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.complaint = undefined;
    if (change.target === null) this.moment = { ...this.moment, only: null, frame: null };
    const isOther = change.image !== undefined && change.image !== this.choices.image;
    if (isOther && !this.canAsk) return this.complain("Another image needs the model.", []);
    if (change.up || change.across) this.moment = { ...this.moment, frame: null };
    this.onChoose(change);
  }

  /** @param {number} id @param {boolean} [isBack] */
  go(id, isBack = false) {
    const { catalogue } = this.data;
    const here = catalogue.id(this.choices.layer, this.choices.feature);
    if (id === here) return;
    const at = catalogue.of(id);
    if (!this.canAsk && !this.looks.get(["sheet", at.layer, at.feature, -1, -1, -1])) return this.complain("Pictures of this feature are not on this page: it was not looked at before the page was saved.", []);
    if (!isBack) this.history = [...this.history.slice(1 - MOST_BACK), here];
    this.choose(at);
  }

  /** The list shows other rows: where pictures are names, theirs are wanted. @param {number[]} ids */
  show(ids) {
    if (ids.join() === this.rows.join()) return;
    this.rows = ids;
    if (this.scene_) this.looks.want(this.wanted(this.scene_));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const done = this.does(event);
    if (!done) return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** Whether a key means something everywhere in the widget. @param {KeyboardEvent} event */
  does({ key, target }) {
    const scene = this.scene();
    const isButton = target instanceof HTMLButtonElement || target instanceof HTMLSelectElement;
    if (key === "[" || key === "]") {
      const next = neighbour(scene, key === "[" ? -1 : 1);
      if (next !== null) this.go(next);
    } else if (key === "/") this.input.focus();
    else if (key === "Backspace") {
      const back = this.history.pop();
      if (back !== undefined) this.go(back, true);
    } else if (STRENGTH_KEYS.has(key) && this.meta.n_images) this.choose({ strength: Number(key) });
    else if (key === "Escape") this.letGo();
    else if (key.startsWith("Arrow") && this.meta.n_images && !isButton) this.movePatch(key);
    else return false;
    return true;
  }

  /** Esc: first the frame, then the search, then the pinned patch. */
  letGo() {
    const { frame, only } = this.moment;
    if (frame) this.set({ frame: null });
    else if (only !== null || this.choices.target !== null) this.choose({ target: null });
    else if (this.choices.token !== null) this.choose({ token: null, ...(this.choices.sort === "here" ? { sort: this.meta.has_classes ? "selectivity" : "largest" } : {}) });
  }

  /** @param {string} key */
  movePatch(key) {
    const { rows, cols, prefix } = this.meta;
    const patch = Math.max(0, (this.choices.token ?? prefix.length) - prefix.length);
    const to = moved(key, false, { row: Math.floor(patch / cols), col: patch % cols }, { rows, cols });
    if (to) this.choose({ token: prefix.length + to.row * cols + to.col });
  }

  /** @returns {Scene} */
  scene() {
    const { meta, choices, moment, looks, remembered, canAsk } = this;
    const { catalogue, own } = this.data;
    const { width, dark } = this.stage;
    looks.keep(this.data.kept);
    const layout = remembered.get("layout", [width], () => layoutFor(width, meta));
    const id = catalogue.id(choices.layer, choices.feature);
    const lookAt = (/** @type {Look} */ look) => looks.get(look);
    const look = (/** @type {Kind} */ kind) => looks.get(this.lookOf(kind));
    const shares = choices.token === null ? null : (looks.get(["here", -1, -1, choices.image, choices.token, -1])?.arrays["shares"] ?? null);
    const ranked = remembered.get("ranked", [catalogue, shares], () => (shares ? catalogue.ranked(shares) : null));
    const effect = wantsEffect(choices) ? looks.get(this.effectLook()) : null;
    const adds = effect?.arrays["numbers"] ?? null;
    const points = remembered.get("points", [catalogue, choices.up, choices.across, choices.target, adds], () => {
      const [x, y] = [catalogue.shown(choices.across, choices.target, adds), catalogue.shown(choices.up, choices.target, adds)];
      return new Points(scaleOf(choices.across, x), x, scaleOf(choices.up, y), y);
    });
    const found = remembered.get("found", [catalogue, choices.target, moment.only, moment.frame, points], () => {
      const all = catalogue.found(choices.target, moment.only);
      return moment.frame ? points.inside(all, moment.frame) : all;
    });
    const list = remembered.get("list", [found, choices.sort, choices.sort === "here" ? ranked : choices.target, adds], () => this.ordered(found, ranked, adds));
    const at = remembered.get("at", [list, id], () => list.indexOf(id));
    const ratio = window.devicePixelRatio || 1;
    return { ...moment, meta, choices, catalogue, own, id, points, found, list, at, shares, ranked, effect, look, lookAt, arrived: looks.count, canAsk, layout, width, dark, ratio };
  }

  /** @param {Uint32Array} found @param {Float32Array | null} ranked @param {Float32Array | null} adds */
  ordered(found, ranked, adds) {
    const { sort, target } = this.choices;
    const { catalogue } = this.data;
    if (sort === "here") return ranked ? catalogue.ordered(found, ranked) : found;
    return catalogue.ordered(found, catalogue.shown(sort, target, adds));
  }

  /** @param {Kind} kind @returns {Look} */
  lookOf(kind) {
    const { layer, feature, image } = this.choices;
    return [kind, layer, feature, kind === "seen" || kind === "turned" ? image : -1, -1, -1];
  }

  /** @returns {Look} */
  effectLook() {
    return ["effect", -1, -1, this.choices.image, -1, this.choices.target ?? -1];
  }

  /** What is to be here, what is seen first in front. @param {Scene} scene @returns {Look[]} */
  wanted({ choices, meta, ranked, catalogue, look, partnersOf, id }) {
    const kinds = /** @type {Kind[]} */ (["sheet", ...(meta.n_images ? ["seen"] : []), "writes"]);
    const later = /** @type {Kind[]} */ ([...(meta.n_images ? ["turned"] : []), "readers", "neighbours"]);
    /** @type {Look[]} */
    const here = meta.n_images && choices.token !== null ? [["here", -1, -1, choices.image, choices.token, -1]] : [];
    const effects = meta.n_images && wantsEffect(choices) ? [this.effectLook()] : [];
    const partners = partnersOf === id ? [this.lookOf("partners")] : []; // a run over images: only who asks waits for it
    const looks = (/** @type {Kind[]} */ some) => some.map((kind) => this.lookOf(kind));
    return [...looks(kinds), ...here, ...effects, ...(meta.has_classes ? [] : this.names(catalogue, look, ranked)), ...looks(later), ...partners];
  }

  /** Crops that name features: of the list, of neighbours, of what fires at the pinned patch. @param {import("./catalogue.js").Catalogue} catalogue @param {Scene["look"]} look @param {Float32Array | null} ranked @returns {Look[]} */
  names(catalogue, look, ranked) {
    const alike = ["neighbours", "partners"].flatMap((kind) => (look(/** @type {Kind} */ (kind))?.said.groups ?? []).flatMap((/** @type {[string, [number, number][]]} */ [, some]) => some.map(([layer, feature]) => catalogue.id(layer, feature))));
    const ids = [...this.rows, ...alike, ...(ranked ? topOf(ranked) : [])].filter((id) => id >= 0);
    return [...new Set(ids)].map((id) => {
      const { layer, feature } = catalogue.of(id);
      return ["crops", layer, feature, -1, -1, -1];
    });
  }

  /** @override */
  draw() {
    if (!this.stage.isShown) return;
    const scene = this.scene();
    this.scene_ = scene;
    this.place(scene.layout);
    for (const part of this.parts) part.update(scene);
    sayErrors(this.errors, this, (change) => this.onChoose(change));
    this.stage.showWaiting(this.canAsk && this.meta.n_images > 0 && scene.own?.image !== this.choices.image);
    const { choices, data, looks } = this;
    this.looks.want(this.remembered.get("wanted", [choices, data, looks.count, scene.shares, this.rows, scene.partnersOf], () => this.wanted(scene)));
    this.say(`layer ${this.choices.layer}, feature ${this.choices.feature}, ${scene.list.length} listed`);
  }

  /** @param {import("./layout.js").Layout} layout */
  place({ mode, below }) {
    if (this.node.dataset["mode"] !== mode) this.node.dataset["mode"] = mode;
    if (this.node.dataset["below"] !== below) this.node.dataset["below"] = below;
  }

  /** What is drawn, for whoever waits for it. @param {string} words */
  say(words) {
    if (this.node.dataset["vitlensDrawn"] !== words) this.node.dataset["vitlensDrawn"] = words;
  }

  destroy() {
    this.looks.stop();
    this.stage.destroy();
  }
}
