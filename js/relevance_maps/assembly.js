// Which parts there are, and where they stand in the widget.
import { element } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { whenChanged } from "../lib/changes.js";
import { thumbnail } from "../lib/thumbnail.js";
import { curve } from "./curve.js";
import { headsOfControl, imageControl, methodControl, normControl, scaleControl, sharedControl, showControl, targetControl, againstControl } from "./controls.js";
import { overview } from "./overview.js";
import { panel } from "./panel.js";
import { readout } from "./readout.js";
import { isClassFree, mapTitle, methodWords, subtitle } from "./words.js";

/** @typedef {import("./scene.js").Part} Part */
/** @typedef {import("./scene.js").Scene} Scene */

/**
 * @param {import("./scene.js").Meta} meta
 * @param {import("./scene.js").Tokens} tokens
 * @param {import("./classes.js").Classes} classes
 * @param {import("./scene.js").Actions} actions
 */
export function assemble(meta, tokens, classes, actions) {
  const strip = errorStrip();
  const image = imageControl(meta, actions);
  const asked = [...(image ? [image] : []), methodControl(actions), targetControl(classes.searched, actions), againstControl(classes.searched, actions)];
  const aside = original(meta);
  const heads = allHeads(meta, tokens, actions, aside);
  const looks = [showControl(actions), scaleControl(actions), sharedControl(actions)];
  const title = stageTitle();
  const panels = (/** @type {const} */ ([0, 1, "difference"])).map((whose) => panel(whose, tokens, actions));
  const curves = (/** @type {const} */ ([0, 1])).map((of) => curve(of, actions));
  const numbers = readout();
  const header = element("div", "vl-header", {}, heading(meta), element("div", "vl-controls", {}, ...nodes(asked)));
  const head = element("div", "vl-head vl-stage-head", {}, title.node, element("div", "vl-controls", {}, ...nodes(looks)));
  const stage = element("section", "vl-stage", { "aria-label": "On the image" }, head, title.words, ...nodes(panels), element("div", "vl-curves-of", {}, ...nodes(curves)));
  const foot = element("div", "vl-attention-maps vl-foot-line", {}, numbers.node);
  const node = element("div", "vitlens vl-relevance-maps", {}, header, strip.node, element("div", "vl-body", {}, heads.node, stage), foot);
  return { node, strip, parts: [...asked, heads, ...looks, title, ...panels, ...curves, numbers] };
}

/** @param {Part[]} parts */
const nodes = (parts) => parts.map(({ node }) => node);

/** @param {import("./scene.js").Meta} meta */
function heading(meta) {
  const words = subtitle(meta);
  return element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Relevance"), element("span", "vl-secondary", { title: words }, words));
}

/** All heads, and the image itself; that alone where nothing is said of heads. @param {import("./scene.js").Meta} meta @param {import("./scene.js").Tokens} tokens @param {import("./scene.js").Actions} actions @param {Part} aside @returns {Part} */
function allHeads(meta, tokens, actions, aside) {
  const parts = [headsOfControl(actions), normControl(actions), overview(meta, tokens, actions)];
  const [whose, norm, tiles] = nodes(parts);
  const note = element("p", "vl-hint");
  const head = element("div", "vl-head", {}, element("h3", "vl-title", {}, "All heads"), norm);
  const node = element("section", "vl-overview vl-attention-maps", { "aria-label": "Overview" }, element("div", "vl-of-heads", {}, head, whose, tiles, note), aside.node);
  const say = whenChanged((/** @type {Scene} */ s) => [s.layout.overview], (s) => {
    note.textContent = s.layout.overview.below ? "under each map: layer and head, its share of all heads’ relevance" : "rows are layers, columns heads; the last column is each layer’s sum";
  });
  const update = (/** @type {Scene} */ scene) => {
    aside.update(scene);
    if (!scene.maps.hasHeads) return;
    say(scene);
    for (const part of parts) part.update(scene);
  };
  return { node, update };
}

/** Which map stands large, and what the method measures. @returns {Part & { words: HTMLElement }} */
function stageTitle() {
  const node = element("h3", "vl-title");
  const words = element("p", "vl-hint vl-method-words");
  const update = whenChanged((/** @type {Scene} */ s) => [s.what, s.maps], (s) => {
    node.textContent = mapTitle(s.what, s.meta);
    const { method } = s.maps.of;
    const noHeads = s.maps.hasHeads ? "" : "; it says nothing of single heads";
    const same = isClassFree(method) && s.whose.length > 1 ? " So the difference is 0." : "";
    words.textContent = `${s.methods[method]}: ${methodWords(method)}${noHeads}.${same}`;
  });
  return { node, words, update };
}

const SIDE = 72;

/** The original image, once and small. @param {import("./scene.js").Meta} meta @returns {Part} */
function original(meta) {
  const node = element("div", "vl-aside");
  const update = whenChanged((/** @type {Scene} */ s) => [s.grounds, s.ratio, s.maps], (s) => {
    const longer = Math.max(meta.rows, meta.cols);
    const which = meta.n_images > 1 ? `image ${s.maps.of.image}` : "image";
    const thumb = thumbnail(s.grounds, which, meta.caption);
    thumb.draw((SIDE * meta.cols) / longer, (SIDE * meta.rows) / longer, s.ratio);
    node.replaceChildren(thumb.node);
  });
  return { node, update };
}
