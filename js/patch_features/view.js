// All parts together: keeps what the reader does at this moment (pointing, playing, the class that is
// taught), puts the scene together, and hands it to every part. It knows nothing of Jupyter.
import { NOT_HERE, sayErrors } from "../lib/error_strip.js";
import { keepFromNotebook } from "../lib/notebook_keys.js";
import { Opening, listenToDrops } from "../lib/open_image.js";
import { Player } from "../lib/player.js";
import { Remembered } from "../lib/remembered.js";
import { Stage } from "../lib/stage.js";
import { assemble } from "./assembly.js";
import { layoutFor } from "./layout.js";
import { Lessons } from "./lessons.js";
import { stateName } from "./words.js";

/** @typedef {import("./scene.js").Choices} Choices */
/** @typedef {import("./scene.js").Data} Data */
/** @typedef {import("./scene.js").Scene} Scene */

const NO_KERNEL = {
  token: "This page has no kernel to compare another patch; it shows the one that was pinned when it was saved.",
  basis: "This page has no kernel to find other components.",
  n_groups: "This page has no kernel to find other groups.",
  seed: "This page has no kernel to find groups from other first centres.",
  colours: "This page has no kernel to find groups; they were not shown when it was saved.",
  examples_from: "This page has no kernel to teach from other examples.",
  open: "This page has no kernel to run the model on another image.",
  teach: "This page has no kernel to teach: make it again in a notebook.",
};

/** Choices whose every change asks the kernel. */
const OF_KERNEL = /** @type {const} */ (["token", "basis", "n_groups", "seed", "examples_from"]);

export class PatchFeaturesView {
  /**
   * @param {Data} data
   * @param {Choices} choices
   * @param {import("../lib/requests.js").Ask | null} ask  null on a page without a kernel
   * @param {(change: Partial<Choices>) => void} onChoose  the reader has made a choice
   */
  constructor(data, choices, ask, onChoose) {
    this.data = data;
    this.choices = choices;
    this.onChoose = onChoose;
    this.canAsk = ask !== null;
    /** @type {number | null} */
    this.passing = null;
    /** @type {string | null} */
    this.active = data.taught.classes[0]?.name ?? null;
    /** @type {{ image: number, token: number } | null} a patch that waits for the name of its class */
    this.pending = null;
    /** @type {string | null} */
    this.renamed = null;
    /** @type {import("../lib/error_strip.js").Complaint | undefined} */
    this.complaint = undefined;
    this.remembered = new Remembered();
    const last = data.meta.state_names.length - 1;
    this.player = new Player(() => ({ state: this.choices.state, last }), (state) => this.onChoose({ state }), () => this.draw());
    /** Asks for an image, and where to read one from is known. */
    this.opening = new Opening(ask, { whyNot: NO_KERNEL.open, inPython: "give its path to features.show in Python" }, { complain: (sentence, word) => this.complain(sentence, word), changed: () => this.draw() });
    this.lessons = ask && new Lessons(ask, (sentence) => this.complain(sentence), () => this.draw());
    const actions = this.actions();
    this.parts = assemble(data.meta, actions, this.canAsk ? "" : NO_KERNEL.open);
    this.node = this.parts.node;
    this.stage = new Stage(this.node, () => this.draw());
    const { signal } = this.stage.life;
    listenToDrops(this.node, actions.open, signal);
    this.node.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.node.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Element && !target.closest(".vl-play")) this.player.stop();
    }, { signal, capture: true });
  }

  /** @returns {import("./scene.js").Actions} */
  actions() {
    return {
      choose: (change) => this.choose(change),
      pass: (token) => this.set({ passing: token }),
      press: (token) => this.press(token),
      teach: (lesson) => this.teach(lesson),
      activate: (name) => this.activate(name),
      rename: (name) => this.set({ renamed: this.canAsk ? name : null }),
      play: () => this.player.toggle(),
      leaveOut: () => void this.lessons?.leaveOut(),
      open: (file) => {
        this.complaint = undefined;
        void this.opening.open(file);
      },
      complain: (sentence) => this.complain(sentence),
    };
  }

  /** @param {Partial<Choices>} change */
  choose(change) {
    this.player.stop();
    const beyond = this.canAsk ? undefined : this.beyond(change);
    this.complaint = beyond && { sentence: NO_KERNEL[beyond], remedies: [], word: NOT_HERE };
    if (beyond) this.draw();
    else this.onChoose(change);
  }

  /** What a kernel would have to compute. @param {Partial<Choices>} change */
  beyond(change) {
    const { choices, data } = this;
    if (change.colours === "groups" && !data.groups?.areOf(choices)) return "colours";
    return OF_KERNEL.find((name) => change[name] !== undefined && change[name] !== null && change[name] !== choices[name]);
  }

  /** A click on a patch, or Enter. @param {number} token */
  press(token) {
    const { choices, data } = this;
    if (choices.mode === "look") {
      const isPinned = choices.token === token && (data.similar?.of.image ?? choices.image) === choices.image;
      if (!isPinned && choices.token === token) this.choose({ token: null }); // the pin of another image, moved to this one
      return this.choose({ token: isPinned ? null : token });
    }
    if (token < data.meta.prefix.length) return;
    if (data.taught.exampleAt(choices.image, token)) return this.teach({ do: "remove", image: choices.image, token });
    if (this.active === null) return this.wait({ image: choices.image, token });
    this.teach({ do: "add", name: this.active, image: choices.image, token });
  }

  /** Asks for the name of a patch's class. @param {{ image: number, token: number }} pending */
  wait(pending) {
    if (!this.canAsk) return this.teach({ do: "undo" });
    this.pending = pending;
    this.draw();
    const field = this.node.querySelector(".vl-new-row input");
    if (field instanceof HTMLElement) field.focus({ preventScroll: true });
  }

  /** The class that clicks teach from now on, and the patch that waits for its name. @param {string | null} name */
  activate(name) {
    const { pending } = this;
    this.set({ active: name, renamed: null, pending: null });
    if (name !== null && pending) this.teach({ do: "add", name, ...pending });
  }

  /** @param {import("./scene.js").Lesson} lesson */
  teach(lesson) {
    this.complaint = undefined;
    if (!this.lessons) {
      this.complaint = { sentence: NO_KERNEL.teach, remedies: [], word: NOT_HERE };
      return this.draw();
    }
    if (lesson.do === "rename" && lesson.name === this.active) this.active = lesson.to ?? null;
    if (lesson.do === "drop" && lesson.name === this.active) this.active = null;
    this.lessons.teach(lesson);
  }

  /** @param {string} sentence @param {string} [word] */
  complain(sentence, word) {
    this.complaint = { sentence, remedies: [], ...(word === undefined ? {} : { word }) };
    this.draw();
  }

  /** Keys that mean the same everywhere in the widget. @param {KeyboardEvent} event */
  onKey(event) {
    const wasPlaying = this.player.playing;
    this.player.stop();
    if (event.ctrlKey || event.metaKey || event.altKey || !this.didKey(event, wasPlaying)) return keepFromNotebook(event);
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event @param {boolean} wasPlaying */
  didKey({ key, shiftKey }, wasPlaying) {
    const { state, mode } = this.choices;
    const last = this.data.meta.state_names.length - 1;
    if (key === "[") this.onChoose({ state: Math.max(0, state - 1) });
    else if (key === "]") this.onChoose({ state: Math.min(last, state + 1) });
    else if (key === "Escape" && wasPlaying) return true;
    else return mode === "look" ? this.didLookKey(key) : this.didTeachKey(key, shiftKey);
    return true;
  }

  /** @param {string} key */
  didLookKey(key) {
    if (key === "Escape" && this.choices.token !== null) this.choose({ token: null });
    else if (key === "t" || key === "T") this.teachPinned();
    else return false;
    return true;
  }

  /** The pinned patch becomes an example: of which class, the reader says. */
  teachPinned() {
    const { image, token } = this.choices;
    this.choose({ mode: "teach" });
    const isFree = token !== null && token >= this.data.meta.prefix.length && !this.data.taught.exampleAt(image, token);
    if (isFree && this.canAsk && (this.data.similar?.of.image ?? image) === image) this.wait({ image, token });
  }

  /** @param {string} key @param {boolean} shiftKey */
  didTeachKey(key, shiftKey) {
    const chosen = /^[1-9]$/.test(key) ? this.data.taught.classes[Number(key) - 1] : undefined;
    if (chosen) this.activate(chosen.name);
    else if (key === "u" || key === "U") this.teach({ do: shiftKey ? "redo" : "undo" });
    else if (key === "F2" && this.data.taught.named(this.active)) this.set({ renamed: this.canAsk ? this.active : null });
    else if (key === "Escape" && this.pending) this.set({ pending: null });
    else if (key === "Escape") this.choose({ mode: "look" });
    else return false;
    return true;
  }

  /** What the reader does at this moment. @param {Partial<Pick<PatchFeaturesView, "passing" | "active" | "pending" | "renamed">>} change */
  set(change) {
    Object.assign(this, change);
    this.draw();
  }

  /** @param {Choices} choices @param {Data} data */
  update(choices, data) {
    if (data.taught !== this.data.taught) this.follow(data.taught);
    this.choices = choices;
    this.data = data;
    this.draw();
  }

  /** A class that was typed is called as the kernel calls it, such as without its emoji. @param {import("./taught.js").Taught} taught */
  follow(taught) {
    const before = this.data.taught;
    if (this.active === null && before.classes.length === 0) this.active = taught.classes[0]?.name ?? null;
    const added = taught.classes.find(({ name }) => !before.named(name));
    const wasNew = this.active !== null && !before.named(this.active);
    if (wasNew && added) this.active = added.name;
    else if (this.active !== null && before.named(this.active) && !taught.named(this.active)) this.active = added?.name ?? taught.classes.at(-1)?.name ?? null;
  }

  draw() {
    if (!this.stage.isShown) return;
    const scene = this.scene();
    const { mode } = scene.choices;
    const { node, shared } = this.parts;
    Object.assign(node.dataset, { mode, size: scene.layout.size });
    node.classList.toggle("vl-one-header", scene.layout.oneHeader && scene.data.meta.n_images === 1);
    node.classList.toggle("vl-tight", scene.layout.column < 400);
    node.style.setProperty("--vl-main", `${scene.layout.column}px`);
    node.style.setProperty("--vl-aside", `${Math.max(192, scene.layout.image.width)}px`);
    for (const part of [...shared, ...this.parts[mode]]) part.update(scene);
    sayErrors(this.parts.strip, this, (change) => this.onChoose(change));
    this.stage.showWaiting(this.canAsk && this.isWaiting());
    node.dataset["vitlensDrawn"] = `${mode} ${stateName(scene.data.meta, scene.choices.state)}`;
  }

  /** Something that was asked for is still on its way. */
  isWaiting() {
    const { choices, data } = this;
    const isPinned = (choices.token ?? undefined) === data.similar?.of.token;
    const isGrouped = choices.colours !== "groups" || (data.groups?.areOf(choices) ?? false);
    return !isPinned || !isGrouped || data.pictures.large.of !== choices.image || (this.lessons?.isBusy ?? false) || this.opening.isBusy;
  }

  /** @returns {Scene} */
  scene() {
    const { choices, data, remembered } = this;
    const { width, dark } = this.stage;
    const layout = remembered.get("layout", [width, choices.mode], () => {
      data.pictures.grounds(choices.image).forgetSizes();
      return layoutFor(choices.mode, width, data.meta, data.meta.state_names.length);
    });
    return {
      choices,
      data,
      grounds: data.pictures.grounds(choices.image),
      layout,
      passing: this.passing,
      active: this.active,
      pending: this.pending,
      renamed: this.renamed,
      canAsk: this.canAsk,
      playing: this.player.playing,
      dark,
      ratio: window.devicePixelRatio || 1,
    };
  }

  /** Takes the place of a view of fewer pictures: what the reader is at goes on. @param {PatchFeaturesView} before */
  replace(before) {
    Object.assign(this, { active: before.active, pending: before.pending });
    Object.assign(this.stage, { width: before.stage.width, dark: before.stage.dark });
    before.node.replaceWith(this.node);
    before.destroy();
    this.draw();
  }

  destroy() {
    this.player.stop();
    this.stage.destroy();
  }
}
