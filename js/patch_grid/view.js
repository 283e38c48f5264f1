// All parts together: keeps what the reader does at this moment (pointing, playing), puts the scene
// together, and hands it to every part. It knows nothing of Jupyter.
import { Grounds } from "../lib/grounds.js";
import { NOT_HERE, sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { Stage } from "../lib/stage.js";
import { assemble } from "./assembly.js";
import { classStyles } from "./classes.js";
import { layoutFor } from "./layout.js";
import { Player } from "../lib/player.js";
import { Remembered } from "../lib/remembered.js";
import { Rest } from "../lib/rest.js";
import { areAsked } from "./prompts.js";
import { besideRun, completed, differenceScale, nextLens, otherAnswers, shownRun } from "./runs.js";
import { scaleOf } from "./tints.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("./runs.js").Run} Run */

const NO_KERNEL = "This page has no kernel to compute another class's numbers: it shows those that were saved with it.";

export class PatchGridView {
  /**
   * @param {Run[]} runs  what each lens reads, with the class chosen, or the last one that is known
   * @param {Choices} choices
   * @param {{ small: import("../lib/image_control.js").Small | null, canAsk: boolean, ask: import("../lib/requests.js").Ask | null }} page  pictures to choose from; there is a kernel for what is not here, and the way to ask it
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   * @param {import("./scene.js").Part | null} prompts  the field for new ones
   */
  constructor(runs, choices, page, onChoose, prompts = null) {
    this.runs = runs;
    this.choices = choices;
    this.small = page.small;
    this.canAsk = page.canAsk;
    this.onChoose = onChoose;
    const { reading } = this.run;
    this.names = reading.meta.lenses ?? [];
    this.styles = stylesOf(runs);
    this.grounds = groundsOf(reading);
    /** @type {number | null} the token under the pointer or the keyboard's focus */
    this.passing = null;
    /** @type {number | null} the class whose patches stand out */
    this.highlighted = null;
    /** @type {import("../lib/error_strip.js").Complaint | undefined} */
    this.complaint = undefined;
    /** @type {{ width: number, layout: import("./layout.js").Layout } | undefined} */
    this.laidOut = undefined;
    this.remembered = new Remembered();
    this.rest = new Rest(page.ask, (sentence, again) => this.complain(sentence, [{ text: "Try again", run: again }]));
    this.player = new Player(
      () => ({ state: this.choices.state, last: reading.nStates - 1 }),
      (state) => this.onChoose({ state }),
      () => this.draw(),
    );
    const { node, strip, parts } = assemble(reading, this.grounds, this.actions(), prompts);
    this.node = node;
    this.strip = strip;
    this.parts = parts;
    this.stage = new Stage(node, () => this.draw());
    const { signal } = this.stage.life;
    node.addEventListener("keydown", (event) => this.onKey(event), { signal });
    node.addEventListener("pointerdown", (event) => this.onPointer(event), { signal, capture: true });
  }

  /** @returns {import("./scene.js").Actions} */
  actions() {
    return {
      choose: (change) => {
        this.player.stop();
        this.complaint = this.isOutOfReach(change) ? { sentence: NO_KERNEL, remedies: [], word: NOT_HERE } : undefined;
        if (this.complaint) this.draw();
        else this.onChoose(completed(change, this.choices, this.names));
      },
      pass: (token) => this.set({ passing: token }),
      highlight: (index) => this.set({ highlighted: index }),
      play: () => this.player.toggle(),
      stop: () => this.player.stop(),
      complain: (sentence, remedies = []) => this.complain(sentence, remedies),
    };
  }

  /** @param {string} sentence @param {{ text: string, run: () => void }[]} [remedies] */
  complain(sentence, remedies = []) {
    this.complaint = { sentence, remedies };
    this.draw();
  }

  /** Another class, of which nothing was sent, and no kernel to send it. @param {Partial<Choices>} change */
  isOutOfReach({ target }) {
    const { columns, reading } = this.run;
    return target !== undefined && target !== columns.of && !reading.complete && !this.canAsk;
  }

  /** The reading that is shown. */
  get run() {
    return shownRun(this.runs, this.choices.lens);
  }

  /** The names of the classes, as they were sent. */
  get labels() {
    return this.run.reading.source.labels;
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    const { state, token } = this.choices;
    const last = this.run.reading.nStates - 1;
    const isPlain = !(event.ctrlKey || event.metaKey || event.altKey);
    const wasPlaying = this.player.playing;
    this.player.stop();
    if (event.key === "[") this.onChoose({ state: Math.max(0, state - 1) });
    else if (event.key === "]") this.onChoose({ state: Math.min(last, state + 1) });
    else if (isPlain && event.key.toLowerCase() === "l" && this.names.length) this.actions().choose({ lens: nextLens(this.names, this.run.name) });
    else if (event.key === "Escape" && (token !== null || wasPlaying)) {
      if (!wasPlaying) this.onChoose({ token: null });
    } else return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** A click stops the playing, except on the button that does so itself. @param {PointerEvent} event */
  onPointer({ target }) {
    if (target instanceof Element && !target.closest(".vl-play")) this.player.stop();
  }

  /** What the reader does at this moment. @param {Partial<{ passing: number | null, highlighted: number | null }>} change */
  set(change) {
    Object.assign(this, change);
    this.draw();
  }

  /**
   * New choices, and the columns of the class they ask about, if these are known; another image.
   * @param {Choices} choices
   * @param {Run[]} runs
   */
  update(choices, runs) {
    const isRead = runs.some(({ reading }, i) => reading !== this.runs[i]?.reading);
    const before = this.runs;
    this.runs = runs;
    this.choices = choices;
    if (isRead) this.take(before);
    this.draw();
  }

  /** Another image of the same model. @param {Run[]} before */
  take(before) {
    const { reading } = this.run;
    const isSameImage = reading.source.picture === before[0]?.reading.source.picture;
    this.styles = stylesOf(this.runs);
    if (isSameImage) return; // more of its states have come
    this.grounds = groundsOf(reading);
    this.highlighted = null;
  }

  draw() {
    if (!this.stage.isShown) return;
    const scene = this.scene();
    this.node.dataset["mode"] = scene.layout.mode;
    this.node.classList.toggle("vl-one-header", scene.layout.oneHeader && scene.reading.meta.n_images === 1);
    this.node.classList.toggle("vl-roomy", scene.layout.roomy);
    this.node.classList.toggle("vl-classes-left", scene.layout.classesLeft);
    this.node.classList.toggle("vl-narrow-left", scene.layout.leftWidth < 380);
    this.node.style.setProperty("--vl-left", `${scene.layout.leftWidth}px`);
    for (const part of this.parts) part.update(scene);
    this.rest.want(this.runs.reduce((sum, { reading }) => sum + reading.missing, 0), scene.reading.meta.image);
    sayErrors(this.strip, this, (change) => this.onChoose(change));
    this.stage.showWaiting(this.canAsk && (scene.asked !== scene.columns.of || scene.image !== scene.reading.meta.image || areAsked(scene.prompts, scene.reading)));
    this.node.dataset["vitlensDrawn"] = scene.reading.stateName(scene.state);
  }

  /** Takes the place of a view of the same width: what is drawn changes, nothing moves. @param {PatchGridView} before */
  replace(before) {
    this.stage.width = before.stage.width;
    this.stage.dark = before.stage.dark;
    before.node.replaceWith(this.node);
    before.destroy();
    this.draw();
  }

  /** @returns {Scene} */
  scene() {
    const { choices, runs, run } = this;
    const { reading, columns } = run;
    const beside = besideRun(runs, { ...choices, lens: run.name });
    const isDifference = Boolean(choices.difference) && beside !== null;
    const scale = isDifference ? this.differenceFrom(beside) : this.scaleFor(run);
    return {
      ...choices,
      runs,
      run,
      beside,
      isDifference,
      reading,
      grounds: this.grounds,
      columns,
      styles: this.styles,
      asked: choices.target,
      target: reading.label(columns.of),
      tint: isDifference && scale ? "difference" : choices.tint,
      quantity: choices.tint,
      scale,
      scaleFor: (one) => this.scaleFor(one),
      passing: this.passing,
      highlight: this.highlighted,
      changed: this.remembered.get("changed", [run, beside, isDifference], () => (isDifference ? otherAnswers(reading, beside.reading) : null)),
      small: this.small,
      canAsk: this.canAsk,
      playing: this.player.playing,
      dark: this.stage.dark,
      ratio: window.devicePixelRatio || 1,
      layout: this.layout(),
    };
  }

  /** Made anew only when the width changes, so that parts can tell by identity. */
  layout() {
    const { reading } = this.run;
    const { width } = this.stage;
    if (this.laidOut?.width !== width) {
      this.grounds.forgetSizes();
      this.laidOut = { width, layout: layoutFor(width, reading, reading.nStates, reading.nAnswers, reading.nClasses, this.names.length > 1) };
    }
    return this.laidOut.layout;
  }

  /** The colours of one lens, on a scale that all share. @param {Run} run */
  scaleFor(run) {
    const { tint } = this.choices;
    return this.remembered.get(`scale ${run.name}`, [tint, ...this.runs], () => scaleOf(tint, run.reading, run.columns, this.runs));
  }

  /** @param {Run} beside */
  differenceFrom(beside) {
    const { run, choices: { tint } } = this;
    return this.remembered.get("difference", [tint, run, beside], () => differenceScale(tint, run, beside));
  }

  destroy() {
    this.player.stop();
    this.stage.destroy();
  }
}

/** One colour for a class in all lenses' states. @param {Run[]} runs */
const stylesOf = ([own, ...others]) => classStyles(/** @type {Run} */ (own).reading, others.map(({ reading }) => reading));

/** @param {Reading} reading */
const groundsOf = ({ source, meta }) => new Grounds(source.picture, meta.width, meta.height);
