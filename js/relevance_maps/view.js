// All parts together: keeps what the reader does at this moment, puts the scene together, and hands
// it to every part. It asks the kernel to go on with the removal curves. It knows nothing of Jupyter.
import { sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { PartsView } from "../lib/parts_view.js";
import { Latest, patient } from "../lib/requests.js";
import { Stage } from "../lib/stage.js";
import { Tokens } from "../attention_maps/tokens.js";
import { assemble } from "./assembly.js";
import { Composer } from "./composer.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */

/** A curve's title and the name of its class do not fit on one line, px. */
const NARROW_CURVE = 400;
/** Narrower still, a line holds one number only of those said of a point. */
const LEAST_CURVE = 300;

/** Choices that the model answers. @type {(keyof Choices)[]} */
const ASKED = ["target", "against", "method", "image"];

/** @extends {PartsView<import("./scene.js").Meta, Data, Choices>} */
export class RelevanceView extends PartsView {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {Data} data
   * @param {Choices} choices
   * @param {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   */
  constructor(meta, data, choices, ask, onChoose) {
    super(meta, data, choices, ask, onChoose);
    this.tokens = new Tokens(meta);
    this.composer = new Composer(meta, this.tokens, this.canAsk);
    /** @type {{ passing: number | null, passed: import("./scene.js").Removal | null, held: import("./scene.js").Removal | null }} */
    this.moment = { passing: null, passed: null, held: null };
    /** @type {Latest<import("./scene.js").Asked & { done: number }> | null} */
    this.growing = ask && new Latest(patient(ask), "_go_on", () => this.draw(), (sentence, again) => this.complain(sentence, [{ text: "Try again", run: again }]));
    const { node, strip, parts } = assemble(meta, this.tokens, data.classes, this.actions());
    this.node = node;
    this.strip = strip;
    this.parts = parts;
    this.stage = new Stage(node, () => this.draw());
    node.addEventListener("keydown", (event) => this.onKey(event), { signal: this.stage.life.signal });
  }

  /** @returns {import("./scene.js").Actions} */
  actions() {
    return {
      choose: (change) => this.choose(change),
      pass: (passing) => {
        if (passing !== this.moment.passing) this.set({ passing });
      },
      pin: (token) => {
        if (this.tokens.position(token) !== null) this.choose({ token: this.choices.token === token ? null : token });
      },
      passRemoval: (passed) => {
        if (!isSame(passed, this.moment.passed)) this.set({ passed });
      },
      holdRemoval: (held) => this.set({ held, passed: null }),
      pinRemoval: (held) => this.set({ held: isSame(held, this.moment.held) ? null : held, passed: null }),
      complain: (sentence, remedies = []) => this.complain(sentence, remedies),
    };
  }

  /** What the reader does at this moment. @param {Partial<RelevanceView["moment"]>} change */
  set(change) {
    this.moment = { ...this.moment, ...change };
    this.draw();
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.complaint = undefined;
    if (this.canAsk || !ASKED.some((name) => name in change && change[name] !== this.choices[name])) return this.onChoose(change);
    this.complain("Another class, method or image needs the model.", []);
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    if ((event.key === "[" || event.key === "]") && this.data.maps.hasHeads) this.step(event.key === "]" ? 1 : -1);
    else if (event.key === "Escape" && (this.moment.held !== null || this.choices.token !== null)) this.letGo();
    else return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** The next layer; where all stand together, first the one that is chosen by itself. @param {number} by */
  step(by) {
    const { layer, show } = this.choices;
    if (show === "all") return this.choose({ show: "layer" });
    return this.choose({ layer: Math.min(this.meta.n_layers - 1, Math.max(0, layer + by)) });
  }

  /** First the point of a curve, then the token. */
  letGo() {
    if (this.moment.held !== null) this.set({ held: null, passed: null });
    else this.choose({ token: null });
  }

  /** @override @param {Choices} choices @param {Data} data */
  update(choices, data) {
    if (data.maps !== this.data.maps) this.moment = { ...this.moment, passed: null, held: null };
    super.update(choices, data);
  }

  /** @override */
  draw() {
    if (!this.stage.isShown) return;
    const { width, dark } = this.stage;
    const { passing, passed, held } = this.moment;
    const ratio = window.devicePixelRatio || 1;
    const scene = this.composer.scene(this.choices, this.data, { passing, removal: passed ?? held, width, dark, ratio });
    this.layOut(scene);
    for (const part of this.parts) part.update(scene);
    sayErrors(this.strip, this, (change) => this.onChoose(change));
    this.stage.showWaiting(this.isStale());
    this.goOn();
    const { target, against, method, image } = this.data.maps.of;
    this.node.dataset["vitlensDrawn"] = `${method}: ${target}${against === null ? "" : ` against ${against}`}, image ${image}`;
  }

  /** @param {import("./scene.js").Scene} scene */
  layOut({ layout, maps }) {
    this.node.dataset["mode"] = layout.mode;
    this.node.dataset["columns"] = String(layout.columns);
    this.node.dataset["curves"] = String(layout.curves);
    this.node.classList.toggle("vl-pair-of-classes", layout.isPair);
    this.node.classList.toggle("vl-narrow-curves", layout.curve < NARROW_CURVE);
    this.node.classList.toggle("vl-least-curves", layout.curve < LEAST_CURVE);
    this.node.classList.toggle("vl-without-heads", !maps.hasHeads);
    for (const [name, px] of Object.entries({ overview: layout.overview.width, image: layout.picture, curve: layout.curve })) {
      this.node.style.setProperty(`--vl-${name}`, `${px}px`);
    }
  }

  /** What is shown is not what is chosen: the kernel is at it. */
  isStale() {
    const { of } = this.data.maps;
    return this.canAsk && ASKED.some((name) => of[/** @type {keyof import("./scene.js").Asked} */ (name)] !== this.choices[name]);
  }

  /** After the pictures are there, the curves are asked for, bit by bit. */
  goOn() {
    const { of } = this.data.curves;
    if (this.isStale() || of.is_over) return;
    const { target, against, method, image, done } = of;
    this.growing?.want({ target, against, method, image, done });
  }

  destroy() {
    this.stage.destroy();
  }
}

/** @param {import("./scene.js").Removal | null} one @param {import("./scene.js").Removal | null} other */
const isSame = (one, other) => one === other || (one !== null && other !== null && one.of === other.of && one.kind === other.kind && one.point === other.point);
