// All parts together: keeps what the reader does at this moment, has the scenes put together, and
// hands them to every part. It knows nothing of Jupyter.
import { ofTheKernel } from "../attention_maps/kernel.js";
import { Tokens } from "../attention_maps/tokens.js";
import { MaskPointer } from "../infill_strip/mask_pointer.js";
import { NOT_HERE, sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { Player } from "../lib/player.js";
import { Rest } from "../lib/rest.js";
import { Stage } from "../lib/stage.js";
import { actionsOf } from "./actions.js";
import { assemble } from "./assembly.js";
import { listenToDrops } from "../lib/open_image.js";
import { areAsked, keepingFocus } from "../patch_grid/prompts.js";
import { completed, nextLens } from "../patch_grid/runs.js";
import { blockOf, RunScenes } from "./run_scenes.js";
import { RunRequests } from "./requests.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Moment} Moment */

const NO_KERNEL = "This page has no kernel to compute that: it shows what was saved with it.";

/**
 * @typedef {object} Wires  to the notebook
 * @property {(change: Partial<Choices>) => void} choose
 * @property {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel
 * @property {import("../infill_strip/mask_pointer.js").Wires} mask
 */

export class ExplorerView {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {import("../infill_strip/painting.js").Meta | null} infillMeta
   * @param {Data} data
   * @param {Choices} choices
   * @param {Uint8Array} mask
   * @param {Wires} wires
   * @param {import("../patch_grid/scene.js").Part | null} prompts  the field for new ones
   */
  constructor(meta, infillMeta, data, choices, mask, wires, prompts = null) {
    this.meta = meta;
    this.infillMeta = infillMeta;
    this.prompts = prompts;
    this.data = data;
    this.choices = choices;
    this.wires = wires;
    this.tokens = new Tokens(meta);
    /** @type {Moment} */
    this.moment = { passing: { query: null, key: null }, pointed: null, highlighted: null, look: null, unfolded: false, folded: false, patch: null, state: null, arrivals: 0 };
    /** @type {import("../lib/error_strip.js").Complaint | undefined} */
    this.complaint = undefined;
    const complain = (/** @type {string} */ sentence, word = "Error.") => this.complain(sentence, word);
    this.kernel = ofTheKernel(this.tokens.n, wires.ask, () => this.set({ arrivals: this.moment.arrivals + 1 }), (sentence) => complain(sentence, wires.ask ? "Error." : NOT_HERE));
    this.rest = new Rest(wires.ask, (sentence, again) => this.complain(sentence, "Error.", [{ text: "Try again", run: again }]));
    this.requests = new RunRequests(wires.ask, { heads: () => this.choices.knocked_out, complain, changed: () => this.draw() });
    this.maskPointer = new MaskPointer(mask, wires.mask, {
      image: () => 0,
      complain,
      onRequest: (change) => {
        Object.assign(this.choices, change);
        this.forget();
      },
      onSent: () => this.draw(),
    });
    this.player = new Player(
      () => ({ state: this.choices.state, last: meta.state_names.length - 1 }),
      (state) => wires.choose({ state }),
      () => this.draw(),
    );
    this.scenes = new RunScenes(meta, infillMeta, this.tokens, this.kernel);
    this.actions = actionsOf(this, infillMeta);
    const { node, errors, parts } = this.assembled();
    this.node = node;
    this.errors = errors;
    this.parts = parts;
    this.stage = new Stage(node, () => this.draw());
    const { signal } = this.stage.life;
    listenToDrops(node, this.actions.own.open, signal);
    node.addEventListener("keydown", (event) => this.onKey(event, this.actions.own), { signal });
    node.addEventListener("pointerdown", (event) => this.onPointer(event), { signal, capture: true });
  }

  assembled() {
    return assemble(this.meta, this.infillMeta, this.tokens, this.data.baseline.reading, this.actions, this.wires.ask ? "" : NO_KERNEL, this.prompts);
  }

  /**
   * Other prompts are other classes: all that is drawn of them is made anew.
   * @param {import("./scene.js").Meta} meta
   * @param {Data} data
   */
  rename(meta, data) {
    Object.assign(this, { meta, data, complaint: undefined });
    this.moment = { ...this.moment, highlighted: null };
    this.scenes = new RunScenes(meta, this.infillMeta, this.tokens, this.kernel);
    keepingFocus(this.prompts, () => {
      const { node, errors, parts } = this.assembled();
      Object.assign(this, { errors, parts });
      this.node.replaceChildren(...node.childNodes);
    });
  }

  /** What the reader does at this moment. @param {Partial<Moment>} change */
  set(change) {
    this.moment = { ...this.moment, ...change };
    this.draw();
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.player.stop();
    const { columns, reading } = this.data.baseline;
    const isOutOfReach = change.target !== undefined && change.target !== columns.of && !reading.complete && !this.wires.ask;
    if (isOutOfReach) return this.complain(NO_KERNEL, NOT_HERE);
    this.complaint = undefined;
    this.wires.choose(completed(change, this.choices, this.meta.lenses ?? []));
  }

  /** Nothing is complained of any longer. */
  forget() {
    this.complaint = undefined;
    this.draw();
  }

  /** @param {string} sentence @param {string} [word] @param {import("../lib/error_strip.js").Remedy[]} [remedies] */
  complain(sentence, word = "Error.", remedies = []) {
    this.complaint = { sentence, word, remedies };
    this.draw();
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event @param {import("./scene.js").Actions} actions */
  onKey(event, actions) {
    const { state, token, key, head } = this.choices;
    const wasPlaying = this.player.playing;
    this.player.stop();
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey);
    if (event.key === "[") this.choose({ state: Math.max(0, state - 1) });
    else if (event.key === "]") this.choose({ state: Math.min(this.meta.state_names.length - 1, state + 1) });
    else if (isPlain && event.key.toLowerCase() === "l" && this.meta.lenses) this.choose({ lens: nextLens(this.meta.lenses, this.choices.lens) });
    else if (isPlain && event.key.toLowerCase() === "k") actions.switchHead(blockOf(state, this.meta.n_layers), head);
    else if (event.key === "Escape" && !wasPlaying && (token !== null || key !== null)) this.choose({ token: null, key: null });
    else return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** A click stops the playing, except on the button that does so itself. @param {PointerEvent} event */
  onPointer({ target }) {
    if (target instanceof Element && !target.closest(".vl-play")) this.player.stop();
  }

  /**
   * What the notebook has now.
   * @param {Choices} choices
   * @param {Data} data
   * @param {Uint8Array} mask
   * @param {number} answered  how many of the reader's requests about the mask
   */
  update(choices, data, mask, answered) {
    this.choices = { ...choices, ...this.maskPointer.requested(choices) };
    if (data.baseline.reading !== this.data.baseline.reading) this.complaint = undefined;
    this.data = data;
    if (this.maskPointer.hear(mask, answered)) this.complaint = undefined;
    this.draw();
  }

  draw() {
    if (!this.stage.isShown) return;
    const { width, dark } = this.stage;
    const around = { width, dark, playing: this.player.playing, canAsk: this.wires.ask !== null, requested: this.requests.requested, mask: this.maskPointer.mask };
    const scenes = this.scenes.of(this.choices, this.data, this.moment, around);
    this.layOut(scenes.page);
    for (const part of this.parts) part.update(scenes);
    const { overview, reading } = this.data.baseline;
    this.rest.want(overview.missing + reading.missing);
    this.markOff(scenes.page);
    sayErrors(this.errors, this, (change) => this.wires.choose(change));
    this.stage.showWaiting(this.isWaiting(scenes));
    this.node.dataset["vitlensDrawn"] = `${this.meta.state_names[this.choices.state]}, ${scenes.attention.focus?.name ?? ""}`;
  }

  /** @param {import("./scene.js").Page} page */
  layOut({ layout }) {
    const { mode, oneHeader, column, narrow, wide, attention, left } = layout;
    this.node.dataset["mode"] = mode;
    this.node.classList.toggle("vl-one-header", oneHeader);
    const sizes = { picture: column, map: attention.mapSide, overview: attention.overview.width, image: attention.imageWidth, left };
    for (const [name, px] of Object.entries(sizes)) this.node.style.setProperty(`--vl-${name}`, `${px}px`);
    this.node.classList.toggle("vl-heads-above", left === 0);
    this.node.classList.toggle("vl-narrow-left", narrow);
    this.node.classList.toggle("vl-wide", wide);
  }

  /** The thumbnails of heads that are off are crossed out. @param {import("./scene.js").Page} page */
  markOff({ requested }) {
    const off = new Set(requested.map(([layer, head]) => `${layer} ${head}`));
    for (const tile of /** @type {NodeListOf<HTMLElement>} */ (this.node.querySelectorAll(".vl-head-tile"))) {
      const isOff = off.has(`${tile.dataset["layer"]} ${tile.dataset["head"]}`);
      tile.classList.toggle("vl-is-off", isOff);
      tile.setAttribute("aria-description", isOff ? "switched off" : "");
    }
  }

  /** The kernel is at something that will change what is seen. @param {import("./scene.js").Scenes} scenes */
  isWaiting({ attention, page }) {
    const isMapAsked = attention.isStale && this.kernel.maps.requests.isWaiting;
    const isTargetAsked = page.shown.reading.nClasses > 0 && page.choices.target !== page.shown.columns.of;
    return isMapAsked || isTargetAsked || areAsked(page.choices.prompts, page.shown.reading) || page.data.areMapsOld || this.requests.heads !== null || this.requests.opening.isBusy || this.maskPointer.kernel.isPainting;
  }

  destroy() {
    this.player.stop();
    this.maskPointer.kernel.destroy();
    this.stage.destroy();
  }
}
