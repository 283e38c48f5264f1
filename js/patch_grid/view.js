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
import { areSame } from "./prompts.js";
import { scaleOf } from "./tints.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("./reading.js").TargetColumns} TargetColumns */

const NO_KERNEL = "This page has no kernel to compute another class's numbers: it shows those that were saved with it.";

export class PatchGridView {
  /**
   * @param {Reading} reading
   * @param {Choices} choices
   * @param {TargetColumns} columns  of the class chosen, or of the last one that is known
   * @param {{ small: import("../lib/image_control.js").Small | null, canAsk: boolean }} page  pictures to choose from; there is a kernel for what is not here
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   * @param {import("./scene.js").Part | null} prompts  the field for new ones
   */
  constructor(reading, choices, columns, page, onChoose, prompts = null) {
    this.reading = reading;
    this.choices = choices;
    this.columns = columns;
    this.small = page.small;
    this.canAsk = page.canAsk;
    this.onChoose = onChoose;
    this.styles = classStyles(reading);
    this.grounds = groundsOf(reading);
    /** @type {number | null} the token under the pointer or the keyboard's focus */
    this.passing = null;
    /** @type {number | null} the class whose patches stand out */
    this.highlighted = null;
    /** @type {import("../lib/error_strip.js").Complaint | undefined} */
    this.complaint = undefined;
    /** @type {{ width: number, layout: import("./layout.js").Layout } | undefined} */
    this.laidOut = undefined;
    /** @type {{ tint: string, reading: Reading, columns: TargetColumns, scale: import("./tints.js").Scale | null } | undefined} */
    this.scaled = undefined;
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
        else this.onChoose(change);
      },
      pass: (token) => this.set({ passing: token }),
      highlight: (index) => this.set({ highlighted: index }),
      play: () => this.player.toggle(),
      stop: () => this.player.stop(),
      complain: (sentence, remedies = []) => {
        this.complaint = { sentence, remedies };
        this.draw();
      },
    };
  }

  /** Another class, of which nothing was sent, and no kernel to send it. @param {Partial<Choices>} change */
  isOutOfReach({ target }) {
    return target !== undefined && target !== this.columns.of && !this.reading.complete && !this.canAsk;
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    const { state, token } = this.choices;
    const last = this.reading.nStates - 1;
    const wasPlaying = this.player.playing;
    this.player.stop();
    if (event.key === "[") this.onChoose({ state: Math.max(0, state - 1) });
    else if (event.key === "]") this.onChoose({ state: Math.min(last, state + 1) });
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
   * @param {Reading} reading
   * @param {TargetColumns} columns
   */
  update(choices, reading, columns) {
    if (reading !== this.reading) this.take(reading);
    this.choices = choices;
    this.columns = columns;
    this.draw();
  }

  /** Another image of the same model. @param {Reading} reading */
  take(reading) {
    this.reading = reading;
    this.styles = classStyles(reading);
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
    sayErrors(this.strip, this, (change) => this.onChoose(change));
    this.stage.showWaiting(this.canAsk && (scene.asked !== scene.columns.of || scene.image !== scene.reading.meta.image || this.areAsked(scene.prompts)));
    this.node.dataset["vitlensDrawn"] = scene.reading.stateName(scene.state);
  }

  /** Whether prompts are on their way that the reading does not answer. @param {string[]} prompts */
  areAsked(prompts) {
    const { prompts: answered } = this.reading.meta;
    return Boolean(answered) && !areSame(prompts, answered ?? []);
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
    const { reading, columns, choices } = this;
    return {
      ...choices,
      reading,
      grounds: this.grounds,
      columns,
      styles: this.styles,
      asked: choices.target,
      target: reading.label(columns.of),
      scale: this.scale(),
      passing: this.passing,
      highlight: this.highlighted,
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
    const { reading } = this;
    const { width } = this.stage;
    if (this.laidOut?.width !== width) {
      this.grounds.forgetSizes();
      this.laidOut = { width, layout: layoutFor(width, reading, reading.nStates, reading.nAnswers, reading.nClasses) };
    }
    return this.laidOut.layout;
  }

  scale() {
    const { reading, columns } = this;
    const { tint } = this.choices;
    if (this.scaled?.tint !== tint || this.scaled.columns !== columns || this.scaled.reading !== reading) {
      this.scaled = { tint, reading, columns, scale: scaleOf(tint, reading, columns) };
    }
    return this.scaled.scale;
  }

  destroy() {
    this.player.stop();
    this.stage.destroy();
  }
}

/** @param {Reading} reading */
const groundsOf = ({ source, meta }) => new Grounds(source.picture, meta.width, meta.height);
