// All parts together: keeps what the reader does at this moment, puts the scene together, and hands
// it to every part. It asks the kernel for the pictures that are still to come. It knows nothing of
// Jupyter.
import { sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { PartsView } from "../lib/parts_view.js";
import { rove } from "../lib/patch_cells.js";
import { Remembered } from "../lib/remembered.js";
import { patient } from "../lib/requests.js";
import { Rest } from "../lib/rest.js";
import { Stage } from "../lib/stage.js";
import { assemble } from "./assembly.js";
import { layoutFor } from "./layout.js";
import { Singles } from "./singles.js";
import { step } from "./steps.js";
import { stepped, ticksOf } from "./strengths.js";
import { spotOf } from "./tiles.js";
import { timeLeft } from "./time_left.js";
import { progressWords } from "./words.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Place} Place */
/** @typedef {import("./scene.js").Asked} Asked */
/** @typedef {import("./made.js").Made} Made */

/** @extends {PartsView<import("./scene.js").Meta, Made, Choices>} */
export class DecodedView extends PartsView {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {Made} made
   * @param {Choices} choices
   * @param {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   * @param {Map<string, import("./scene.js").Picture>} saved  single pictures of a page without a kernel
   */
  constructor(meta, made, choices, ask, onChoose, saved) {
    super(meta, made, choices, ask, onChoose);
    /** @type {{ pointed: import("./scene.js").Spot | null, wipe: number, sliding: import("./scene.js").Strength | null, isStopped: boolean }} */
    this.moment = { pointed: null, wipe: 0.44, sliding: null, isStopped: false };
    const complain = (/** @type {string} */ sentence, /** @type {() => void} */ again) => this.complain(sentence, [{ text: "Try again", run: again }]);
    this.rest = new Rest(ask && patient(ask), complain);
    this.singles = new Singles(ask, saved, meta.size, () => this.draw(), complain);
    this.timeLeft = timeLeft();
    this.remembered = new Remembered();
    const { node, errors, table, wipe, parts } = assemble(meta, this.actions());
    this.node = node;
    this.errors = errors;
    this.table = table;
    this.wipe = wipe;
    this.parts = parts;
    this.stage = new Stage(node, () => this.draw());
    this.listen(this.stage.life.signal);
  }

  /** @returns {import("./scene.js").Actions} */
  actions() {
    return { choose: (change) => this.choose(change), look: (place, seed) => this.look(place, seed), set: (change) => this.set(change) };
  }

  /** What the reader does at this moment. @param {Partial<import("./scene.js").Moment>} change */
  set(change) {
    this.moment = { ...this.moment, ...change };
    this.draw();
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.complaint = undefined;
    const isOther = change.image !== undefined && change.image !== this.choices.image;
    if (isOther && !this.canAsk) return this.complain("Another image needs the model.", []);
    this.onChoose(change);
  }

  /** @param {Place} place @param {number} [seed] */
  look({ layer, column }, seed) {
    const { n_layers, n_heads } = this.meta;
    const ofSeed = seed === undefined ? {} : { seed };
    if (column < 0) return this.choose({ show: "state", state: layer, layer: Math.min(layer, n_layers - 1), ...ofSeed });
    this.choose(column < n_heads ? { show: "head", layer, state: layer, head: column } : { show: "mlp", layer, state: layer });
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    const point = (/** @type {EventTarget | null} */ target) => {
      const pointed = spotOf(target);
      if (JSON.stringify(pointed) !== JSON.stringify(this.moment.pointed)) this.set({ pointed });
    };
    this.table.addEventListener("pointerover", (event) => point(event.target), { signal });
    this.table.addEventListener("pointerleave", () => point(null), { signal });
    this.table.addEventListener("focusin", (event) => rove(this.table, /** @type {HTMLElement} */ (event.target)), { signal });
    this.table.addEventListener("click", (event) => {
      const spot = spotOf(event.target);
      if (spot) this.look(spot, spot.column < 0 ? spot.seed : undefined);
    }, { signal });
    this.table.addEventListener("keydown", (event) => this.onTableKey(event), { signal });
    this.node.addEventListener("keydown", (event) => this.onKey(event), { signal });
  }

  /** Arrows go to the neighbour and show it. @param {KeyboardEvent} event */
  onTableKey(event) {
    const from = spotOf(event.target);
    if (!from || event.ctrlKey || event.metaKey || event.altKey) return;
    const { sort } = this.choices;
    const order = sort === "layer" ? [] : this.data.ordered(sort);
    const to = step(event.key, from, this.meta, order, this.scene().layout.flow.columns);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    this.look(to, to.column < 0 ? to.seed : undefined);
    this.tileAt(to)?.focus();
  }

  /** @param {import("./scene.js").Spot} spot */
  tileAt({ layer, column, seed }) {
    const found = this.table.querySelector(`[data-layer="${layer}"][data-column="${column}"][data-seed="${seed}"]`);
    return found instanceof HTMLElement ? found : null;
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    const { state, strength, seed } = this.choices;
    const by = { "[": -1, "]": 1, "-": -1, "−": -1, "+": 1, "=": 1 }[event.key] ?? 0;
    const last = this.meta.state_names.length - 1;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "[" || event.key === "]") {
      const next = Math.min(last, Math.max(0, state + by));
      this.choose({ state: next, layer: Math.min(next, this.meta.n_layers - 1) });
    } else if (by && this.meta.n_heads) this.choose({ strength: stepped(strength, by, ticksOf(this.meta)) });
    else if (event.key.toLowerCase() === "s" && this.meta.seeds.length > 1) this.choose({ seed: (seed + 1) % this.meta.seeds.length });
    else if (event.key.toLowerCase() === "w") this.wipe.focus();
    else return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** @returns {import("./scene.js").Scene} */
  scene() {
    const { meta, choices, data: made, canAsk, remembered } = this;
    const { width, dark } = this.stage;
    const layout = remembered.get("layout", [width], () => layoutFor(width, meta.state_names.length, meta.size));
    const { show, layer, head, state } = choices;
    const component = remembered.get("component", [layer, head, show === "mlp"], () => ({ layer, column: show === "mlp" ? meta.n_heads : Math.min(head, meta.n_heads - 1) }));
    const chosen = show === "state" || !meta.n_heads ? remembered.get("state", [state], () => ({ layer: state, column: -1 })) : component;
    const single = (/** @type {Partial<Asked>} */ asked) => this.single(asked, component);
    const progress = this.timeLeft(made.sent.left, this.moment.isStopped || !canAsk, progressWords(made, meta));
    const ratio = window.devicePixelRatio || 1;
    return { ...this.moment, meta, choices, made, component, chosen, single, singles: this.singles.count, canAsk, progress, layout, width, dark, ratio };
  }

  /** A picture of the table where that is the one, else a single one. @param {Partial<Asked>} asked @param {Place} component */
  single(asked, component) {
    const { meta, data: made } = this;
    const whole = this.whole(asked, component);
    const own = this.singles.get(whole);
    if (own || whole.kind !== "own" || whole.image !== made.sent.image) return own;
    if (whole.column < 0) return made.picture(whole, whole.seed);
    const isModel = whole.strength === 1;
    if (isModel) return made.picture({ layer: meta.n_layers, column: -1 }, whole.seed);
    return whole.strength === meta.strength && whole.seed === 0 ? made.picture(whole) : null;
  }

  /** @param {Partial<Asked>} asked @param {Place} component @returns {Asked} */
  whole(asked, component) {
    const { image, seed, strength } = this.choices;
    const found = { image, kind: /** @type {const} */ ("own"), seed, strength, ...component, ...asked };
    return found.column < 0 ? { ...found, strength: 1 } : found;
  }

  /** What is to be here, what is seen first in front: the large picture, nulls, seeds, the film. @param {import("./scene.js").Scene} scene */
  wanted({ chosen, component, meta, choices, made }) {
    if (choices.image !== made.sent.image) return [];
    const [height, width] = meta.size;
    const isSmall = (/** @type {Asked} */ one) => {
      const size = one.column < 0 ? meta.state_size : meta.head_size;
      return size[0] < height || size[1] < width;
    };
    const isMissing = (/** @type {Asked} */ one) => !this.singles.get(one) && (isSmall(one) || !this.single(one, component));
    const large = [this.whole(chosen, component)].filter(isMissing);
    const seeds = meta.seeds.map((_, seed) => this.whole({ ...chosen, seed }, component));
    if (!meta.n_heads) return large;
    const nulls = /** @type {const} */ (["other image", "random"]).filter((kind) => kind === "random" || meta.n_images > 1).map((kind) => this.whole({ kind }, component));
    const film = ticksOf(meta).map((strength) => this.whole({ strength }, component));
    return [...large, ...[...nulls, ...(chosen.column < 0 ? [] : seeds), ...film].filter((one) => !this.single(one, component))];
  }

  /** @override */
  draw() {
    if (!this.stage.isShown) return;
    const scene = this.scene();
    this.node.dataset["mode"] = scene.layout.mode;
    for (const part of this.parts) part.update(scene);
    this.keepTabStop(scene);
    sayErrors(this.errors, this, (change) => this.onChoose(change));
    this.stage.showWaiting(this.canAsk && this.choices.image !== this.data.sent.image);
    this.rest.want(this.moment.isStopped ? 0 : this.data.sent.left, this.data.sent.image);
    this.singles.want(this.wanted(scene));
    const { nMade, sent } = this.data;
    this.node.dataset["vitlensDrawn"] = `image ${sent.image}, ${nMade} heads, ${sent.left} left`;
  }

  /** The chosen picture is where the table is entered. @param {import("./scene.js").Scene} scene */
  keepTabStop({ chosen, choices }) {
    if (this.table.contains(document.activeElement)) return;
    const current = this.tileAt({ ...chosen, seed: chosen.column < 0 ? choices.seed : 0 });
    if (current && current.tabIndex !== 0) rove(this.table, current);
  }

  destroy() {
    this.singles.stop();
    this.stage.destroy();
  }
}
