// All parts together: keeps what the reader does at this moment (painting, pointing, playing), puts
// the scene together, and hands it to every part. It knows nothing of Jupyter.
import { sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { Player } from "../lib/player.js";
import { Stage } from "../lib/stage.js";
import { assemble } from "./assembly.js";
import { layoutFor } from "./layout.js";
import { MaskPointer, NO_KERNEL } from "./mask_pointer.js";
import { NAME } from "./strip.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Scene} Scene */

export class InfillView {
  /**
   * @param {import("./painting.js").Meta} meta
   * @param {Data} data
   * @param {Choices} choices
   * @param {Uint8Array} mask
   * @param {import("./mask_pointer.js").Wires} wires
   */
  constructor(meta, data, choices, mask, wires) {
    this.meta = meta;
    this.data = data;
    this.choices = choices;
    this.wires = wires;
    /** @type {number | null} */
    this.patch = null;
    /** @type {number | null} */
    this.passing = null;
    this.wiped = 0.5;
    /** @type {import("../lib/error_strip.js").Complaint | undefined} */
    this.complaint = undefined;
    /** @type {{ width: number, layout: import("./layout.js").Layout } | undefined} */
    this.laidOut = undefined;
    this.maskPointer = new MaskPointer(mask, wires, {
      // Another image is chosen and not here yet: what is on the screen cannot be painted any more.
      image: () => (this.data.painting.image === this.choices.image ? this.choices.image : null),
      complain: (sentence, word) => this.complain(sentence, word),
      onRequest: (change) => {
        this.choices = { ...this.choices, ...change };
        this.complaint = undefined;
        this.draw();
      },
      onSent: () => this.draw(),
    });
    this.player = new Player(
      () => ({ state: this.choices.state, last: meta.state_names.length - 1 }),
      (state) => wires.choose({ state }),
      () => this.draw(),
    );
    const { node, errors, parts } = assemble(meta, this.actions(), wires.send ? "" : NO_KERNEL);
    this.node = node;
    this.errors = errors;
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
        this.complaint = undefined;
        this.wires.choose(change);
      },
      ...this.maskPointer.actions(),
      pass: (patch, state = null) => this.pass(patch, state),
      wipe: (place) => {
        this.wiped = place;
        this.draw();
      },
      play: () => this.player.toggle(),
    };
  }

  /** @param {number | null} patch @param {number | null} state */
  pass(patch, state) {
    if (patch === this.patch && state === this.passing) return;
    this.patch = patch;
    this.passing = state;
    this.draw();
  }

  /** @param {string} sentence @param {string} word */
  complain(sentence, word = "Error.") {
    this.complaint = { sentence, remedies: [], word };
    this.draw();
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    const { state } = this.choices;
    const last = this.meta.state_names.length - 1;
    const wasPlaying = this.player.playing;
    this.player.stop();
    if (event.key === "[") this.wires.choose({ state: Math.max(0, state - 1) });
    else if (event.key === "]") this.wires.choose({ state: Math.min(last, state + 1) });
    else if (!(event.key === "Escape" && wasPlaying)) return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** A click stops the playing, except on the button that does so itself. @param {PointerEvent} event */
  onPointer({ target }) {
    if (target instanceof Element && !target.closest(".vl-play")) this.player.stop();
  }

  /**
   * What the notebook has now. A mask that came from there takes the place of the reader's, unless
   * he has painted on since.
   * @param {Choices} choices
   * @param {Data} data
   * @param {Uint8Array} mask
   * @param {number} answered  how many of the reader's requests
   */
  update(choices, data, mask, answered) {
    this.choices = { ...choices, ...this.maskPointer.requested(choices) };
    this.data = data;
    if (this.maskPointer.hear(mask, answered)) {
      this.complaint = undefined; // such as that the kernel is silent
      this.stage.showWaiting(false);
    }
    this.draw();
  }

  draw() {
    if (!this.stage.isShown) return;
    const scene = this.scene();
    this.node.dataset["mode"] = scene.layout.mode;
    this.node.classList.toggle("vl-one-header", scene.layout.oneHeader);
    this.node.style.setProperty("--vl-left", `${scene.layout.left}px`);
    this.node.style.setProperty("--vl-gap", `${scene.layout.gap}px`);
    this.node.style.setProperty("--vl-still", `${NAME + scene.layout.still.height}px`);
    this.node.style.setProperty("--vl-large", `${scene.layout.large.width}px`);
    for (const part of this.parts) part.update(scene);
    sayErrors(this.errors, this, (change) => this.wires.choose(change));
    this.stage.showWaiting(this.maskPointer.kernel.isPainting);
    this.node.dataset["vitlensDrawn"] = this.meta.state_names[this.choices.state];
  }

  /** @returns {Scene} */
  scene() {
    return {
      choices: this.choices,
      meta: this.meta,
      data: this.data,
      mask: this.maskPointer.mask,
      canAsk: this.wires.send !== null,
      patch: this.patch,
      passing: this.passing,
      wipe: this.wiped,
      playing: this.player.playing,
      dark: this.stage.dark,
      ratio: window.devicePixelRatio || 1,
      layout: this.layout(),
    };
  }

  /** Made anew only when the width changes, so that parts can tell by identity. */
  layout() {
    const { width } = this.stage;
    if (this.laidOut?.width !== width) {
      this.laidOut = { width, layout: layoutFor(width, this.meta, this.meta.state_names.length) };
    }
    return this.laidOut.layout;
  }

  destroy() {
    this.player.stop();
    this.maskPointer.kernel.destroy();
    this.stage.destroy();
  }
}
