// All parts together: keeps what the reader does at this moment, puts the scene together, and hands it
// to every part. It asks the kernel to go on exchanging. It knows nothing of Jupyter.
import { sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { PartsView } from "../lib/parts_view.js";
import { Player } from "../lib/player.js";
import { Remembered } from "../lib/remembered.js";
import { Latest, patient } from "../lib/requests.js";
import { Stage } from "../lib/stage.js";
import { Tokens } from "../attention_maps/tokens.js";
import { assemble } from "./assembly.js";
import { layoutFor } from "./layout.js";
import { flipped, isSame, ofTokens, placeOf, toggled, without } from "./places.js";
import { noGap } from "./words.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./places.js").Place} Place */
/** @typedef {import("./places.js").Row} Row */

/** Choices that the model answers. @type {("target" | "against" | "image" | "direction" | "values" | "cover" | "covered")[]} */
const ASKED = ["target", "against", "image", "direction", "values", "cover", "covered"];

/** Also of lists. @param {unknown} one @param {unknown} other */
const isEqual = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** @extends {PartsView<import("./scene.js").Meta, Data, Choices>} */
export class CausesView extends PartsView {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {Data} data
   * @param {Choices} choices
   * @param {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   */
  constructor(meta, data, choices, ask, onChoose) {
    super(meta, data, choices, ask, onChoose);
    this.ask = ask && patient(ask);
    /** @type {import("./scene.js").Searching} */
    this.searching = "";
    this.tokens = new Tokens(meta);
    /** @type {Row[]} */
    this.rows = [...Array.from({ length: meta.n_heads }, (_, head) => head), ...meta.rows_beside];
    /** @type {{ passing: import("./scene.js").Passing, view: import("./scene.js").View }} */
    this.moment = { passing: null, view: "effect" };
    this.remembered = new Remembered();
    this.player = new Player(() => ({ state: this.choices.layer, last: meta.n_layers - 1 }), (layer) => this.onChoose({ layer }), () => this.draw());
    /** @type {Latest<object> | null} */
    this.growing = this.ask && new Latest(this.ask, "_go_on", () => this.draw(), (sentence, again) => this.complain(sentence, [{ text: "Try again", run: again }]));
    const { node, strip, note, parts } = assemble(meta, this.tokens, this.rows, data.classes, this.actions());
    this.node = node;
    this.strip = strip;
    this.note = note;
    this.parts = parts;
    this.stage = new Stage(node, () => this.draw());
    const { signal } = this.stage.life;
    node.addEventListener("keydown", (event) => this.onKey(event), { signal });
    node.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Element && !target.closest(".vl-play")) this.player.stop();
    }, { signal, capture: true });
  }

  /** @returns {import("./scene.js").Actions} */
  actions() {
    return {
      choose: (change) => this.choose(change),
      pass: (passing) => {
        if (JSON.stringify(passing) !== JSON.stringify(this.moment.passing)) this.set({ passing });
      },
      press: (row, layer) => this.press(row, layer),
      pressToken: (token) => this.pressToken(token),
      exchange: (place) => this.exchange(place),
      remove: (place) => this.choose({ exchanged: without(this.choices.exchanged, place) }),
      cover: (covered) => this.choose({ covered }),
      show: (view) => this.set({ view }),
      findCircuit: (method) => void this.findCircuit(method),
      stopFinding: () => {
        this.searching = "stopping";
        this.draw();
      },
      play: () => this.player.toggle(),
      complain: (sentence, remedies = []) => this.complain(sentence, remedies),
    };
  }

  /** The row of the map of parts that is chosen. @returns {Row} */
  get row() {
    const { part, head } = this.choices;
    return part === "head" || !this.meta.rows_beside.includes(part) ? head : part;
  }

  /** The first click chooses, the next exchanges. @param {Row} row @param {number} layer */
  press(row, layer) {
    if (row === this.row && layer === this.choices.layer) return this.exchange(placeOf(row, layer, this.data.effects.of.values));
    this.choose({ layer, ...(typeof row === "number" ? { part: "head", head: row } : { part: row }) });
  }

  /** @param {number} token */
  pressToken(token) {
    if (this.tokens.position(token) === null) return;
    if (this.moment.view === "cover" && token >= this.meta.prefix.length) return this.choose({ covered: flipped(this.asked.covered, token) });
    if (this.choices.token === token) this.exchange(ofTokens(this.choices.layer, [token]));
    else this.choose({ token });
  }

  get isStopping() {
    return this.searching === "stopping";
  }

  /** The kernel looks for it bit by bit, each shown as it comes. @param {import("./scene.js").Method} method */
  async findCircuit(method) {
    if (!this.ask || this.searching) return;
    this.complaint = undefined;
    this.searching = method;
    this.draw();
    /** @type {{ method?: string, outside?: string, stop?: boolean } | null} */
    let message = { method, outside: this.choices.outside };
    try {
      while (message) {
        const [{ error = "", is_over: isOver }] = /** @type {[any, DataView[]]} */ (await this.ask("_find_circuit", message));
        if (error) this.complain(error, []);
        message = isOver || message.stop ? null : this.isStopping ? { stop: true } : {};
      }
    } catch {
      // the view has gone, or the kernel
    }
    this.searching = "";
    this.draw();
  }

  /** @param {Place} place */
  exchange(place) {
    this.choose({ exchanged: toggled(this.choices.exchanged, place) });
  }

  /** What the reader does at this moment. @param {Partial<CausesView["moment"]>} change */
  set(change) {
    this.moment = { ...this.moment, ...change };
    this.draw();
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.player.stop();
    this.complaint = undefined;
    const asks = ASKED.some((name) => name in change && !isEqual(change[name], this.asked[name]));
    if (!this.canAsk && asks) return this.complain("Another class, pair, cover, direction or kind of value needs the model.", []);
    if (!this.canAsk && change.exchanged?.some((place) => !this.data.exchange.places.some((one) => isSame(one, place)))) {
      return this.complain("To exchange another place needs the model; what each is worth alone is on the maps.", []);
    }
    this.onChoose(change);
  }

  /** What is chosen, or on a page without a kernel what is there. */
  get asked() {
    const { of } = this.data.effects;
    return this.canAsk ? this.choices : { ...this.choices, ...Object.fromEntries(ASKED.map((name) => [name, of[name]])) };
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    const wasPlaying = this.player.playing;
    this.player.stop();
    if (event.ctrlKey || event.metaKey || event.altKey || !this.didKey(event.key, wasPlaying)) return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} key @param {boolean} wasPlaying */
  didKey(key, wasPlaying) {
    const { layer, exchanged } = this.choices;
    if (key === "[") this.choose({ layer: Math.max(0, layer - 1) });
    else if (key === "]") this.choose({ layer: Math.min(this.meta.n_layers - 1, layer + 1) });
    else if (key === "Escape") return wasPlaying || this.letGo();
    else if ((key === "x" || key === "Delete") && exchanged.length) this.choose({ exchanged: this.withoutChosen() });
    else return false;
    return true;
  }

  /** The list without the part or token that is pointed at or chosen; else without the last. */
  withoutChosen() {
    const { layer, exchanged, token } = this.choices;
    const { passing } = this.moment;
    const { values } = this.data.effects.of;
    const at = passing === null ? placeOf(this.row, layer, values) : "row" in passing ? placeOf(passing.row, passing.layer, values) : "token" in passing ? ofTokens(layer, [passing.token]) : placeOf(this.row, layer, values);
    const found = [at, ...(token === null ? [] : [ofTokens(layer, [token])])].find((place) => exchanged.some((one) => isSame(one, place)));
    return found ? without(exchanged, found) : exchanged.slice(0, -1);
  }

  /** First the attention or the cover on the image, then the token. */
  letGo() {
    if (this.moment.view !== "effect") this.set({ view: "effect" });
    else if (this.choices.token !== null) this.choose({ token: null });
    else return false;
    return true;
  }

  /** @override */
  draw() {
    if (!this.stage.isShown) return;
    const scene = this.scene();
    this.layOut(scene);
    for (const part of this.parts) part.update(scene);
    this.note.hidden = scene.effects.of.has_gap;
    this.note.textContent = this.note.hidden ? "" : `No share of the way: ${noGap(scene.effects.ends)}; there is nothing to divide by. Choose other classes, or another pair.`;
    sayErrors(this.strip, this, (change) => this.onChoose(change));
    this.stage.showWaiting(this.isStale());
    this.goOn();
    const { target, against, image, direction, values } = this.data.effects.of;
    this.node.dataset["vitlensDrawn"] = `${direction} ${values}: ${target} against ${against}, image ${image}, ${this.data.progress.left} left`;
  }

  /** @returns {Scene} */
  scene() {
    const { width, dark } = this.stage;
    const { meta, choices, data } = this;
    const layout = this.remembered.get("layout", [width], () => layoutFor(width, { rows: meta.rows, cols: meta.cols, nLayers: meta.n_layers, nHeads: meta.n_heads }));
    const ratio = window.devicePixelRatio || 1;
    const of = { ...data, ...this.moment, choices, asked: this.asked, meta, tokens: this.tokens, rows: this.rows, row: this.row };
    return { ...of, layout, columns: layout.columns, dark, ratio, canAsk: this.canAsk, playing: this.player.playing, searching: this.searching };
  }

  /** @param {Scene} scene */
  layOut({ layout, writes }) {
    this.node.classList.toggle("vl-no-sums", writes.logits.length === 0);
    this.node.dataset["mode"] = layout.mode;
    this.node.style.setProperty("--vl-left", `${layout.left}px`);
  }

  /** What is shown is not what is chosen: the kernel is at it. */
  isStale() {
    const { of } = this.data.effects;
    return this.canAsk && ASKED.some((name) => !isEqual(of[name], this.choices[name]));
  }

  /** After the maps are there, exchanges are asked for, bit by bit. */
  goOn() {
    const { progress, effects } = this.data;
    if (this.isStale()) return;
    if (progress.was_interrupted) return this.offerToGoOn();
    const { layer, exchanged } = this.choices;
    if (progress.left > 0 || exchanged.length !== this.data.exchange.places.length) this.growing?.want({ ...effects.of, layer, exchanged, left: progress.left });
  }

  /** It was interrupted in the kernel. */
  offerToGoOn() {
    if (this.complaint || !this.canAsk) return;
    this.complain("The exchanges were interrupted; what is shown is what was exchanged until then.", [{ text: "Go on", run: () => this.growing?.want({ again: true }) }]);
  }

  destroy() {
    this.player.stop();
    this.stage.destroy();
  }
}
