// All parts together: keeps what the reader does at this moment (pointing, zooming), puts the scene
// together, and hands it to every part. It knows nothing of Jupyter.
import { sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { PartsView } from "../lib/parts_view.js";
import { Rest } from "../lib/rest.js";
import { Stage } from "../lib/stage.js";
import { assemble } from "./assembly.js";
import { Composer } from "./composer.js";
import { ofTheKernel } from "./kernel.js";
import { otherToken, pinnedBy, turned } from "./pins.js";
import { Tokens } from "./tokens.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Pair} Pair */

/** @type {Pair} */
const NOTHING = { query: null, key: null };

/** @extends {PartsView<import("./scene.js").Meta, Data, Choices>} */
export class AttentionView extends PartsView {
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
    /** @type {Pick<import("./scene.js").Moment, "passing" | "look" | "unfolded" | "neuronsOpen" | "arrivals">} */
    this.moment = { passing: NOTHING, look: null, unfolded: false, neuronsOpen: false, arrivals: 0 };
    this.kernel = ofTheKernel(
      this.tokens.n,
      ask,
      () => this.set({ arrivals: this.moment.arrivals + 1 }),
      (sentence) => this.complain(sentence, ask ? [{ text: "Try again", run: () => this.forgive() }] : []),
    );
    this.rest = new Rest(ask, (sentence, again) => this.complain(sentence, [{ text: "Try again", run: again }]));
    this.composer = new Composer(meta, this.tokens, this.kernel);
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
      look: (look) => this.set({ look }),
      openNeurons: (neuronsOpen) => this.set({ neuronsOpen }),
      unfold: () => this.set({ unfolded: !this.moment.unfolded }),
    };
  }

  /** What the reader does at this moment. @param {Partial<import("./scene.js").Moment>} change */
  set(change) {
    this.moment = { ...this.moment, ...change };
    this.draw();
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.complaint = undefined;
    if (this.kernel.exact.requests) return this.onChoose(change);
    const { kind: _kind, image: _image, ...rest } = change; // without a kernel these stay as they are
    return this.onChoose(rest);
  }

  /** @param {Pair} passing */
  pass(passing) {
    const known = (/** @type {number | null} */ token) => token === null || this.tokens.position(token) !== null;
    const next = known(passing.query) && known(passing.key) ? passing : NOTHING;
    const last = this.moment.passing;
    if (next.query !== last.query || next.key !== last.key) this.set({ passing: next });
  }

  /** Whatever the kernel has refused may be asked for again; drawing asks for what is missing. */
  forgive() {
    for (const { requests } of Object.values(this.kernel)) if (requests) requests.refused = "";
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

  /** @override */
  draw() {
    if (!this.stage.isShown) return;
    const { width, dark } = this.stage;
    const scene = this.composer.scene(this.choices, this.data, { ...this.moment, width, dark, ratio: window.devicePixelRatio || 1 });
    this.layOut(scene.layout, width);
    for (const part of this.parts) part.update(scene);
    sayErrors(this.strip, this, (change) => this.onChoose(change));
    this.showWaiting(scene.isStale);
    this.rest.want(scene.overview.missing, this.choices.image);
    this.node.dataset["vitlensDrawn"] = scene.focus?.name ?? "";
  }

  /** @param {import("./layout.js").Layout} layout @param {number} width */
  layOut({ mode, mapSide, overview, imageWidth, isTall }, width) {
    this.node.dataset["mode"] = mode;
    this.node.classList.toggle("vl-tall-heads", isTall);
    this.node.classList.toggle("vl-wide-stack", width - imageWidth >= 340);
    for (const [name, px] of Object.entries({ map: mapSide, overview: overview.width, image: imageWidth })) {
      this.node.style.setProperty(`--vl-${name}`, `${px}px`);
    }
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

  destroy() {
    this.stage.destroy();
  }
}
