// What fires at the pinned patch: the features with the largest shares of their own largest.
import { whenChanged } from "../lib/changes.js";
import { element, fill, setAttributes } from "../lib/dom.js";
import { SELDOM } from "./catalogue.js";
import { markChosen, nameNodes } from "./name_node.js";
import { thumbnail } from "../lib/thumbnail.js";
import { grouped, share, tokenName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */

const MOST = 6;
const THUMB = 84;
const SELDOM_WORDS = `; without those that fire on fewer than ${SELDOM} patches of the data`;

/** @param {Float32Array} shares @returns {number[]} ids of the largest, the first first */
export function topOf(shares) {
  /** @type {number[]} */
  const top = [];
  shares.forEach((value, id) => {
    if (!(value > 0) || (top.length === MOST && value <= (shares[top[MOST - 1] ?? 0] ?? 0))) return;
    const at = top.findIndex((other) => value > (shares[other] ?? 0));
    top.splice(at < 0 ? top.length : at, 0, id);
    top.length = Math.min(top.length, MOST);
  });
  return top;
}

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @returns {import("./scene.js").Part} */
export function here(meta, actions) {
  const hint = element("span", "vl-hint");
  const area = element("div", "vl-here-rows");
  const image = element("div", "vl-here-image");
  const node = element("section", "vl-here", { "aria-label": "What fires here" }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "What fires here"), hint), area, image);
  node.hidden = !meta.n_images;
  area.addEventListener("click", (event) => {
    const row = event.target instanceof Element ? event.target.closest("[data-id]") : null;
    if (row) actions.go(Number(row.getAttribute("data-id")));
  });
  /** @type {import("../lib/thumbnail.js").Thumbnail | null} */
  let thumb = null;
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.ranked, s.choices.token, s.id, s.arrived, s.layout], (s) => {
      const { token } = s.choices;
      hint.textContent = token === null ? "" : tokenName(token, meta);
      if (token === null) return fill(area, element("p", "vl-why", {}, "Pin a patch of your image to see what fires there."));
      area.classList.toggle("vl-coming", !s.ranked);
      if (!s.ranked) return;
      const top = topOf(s.ranked);
      const words = top.length ? `share of its own largest, ${top.length} of ${grouped(s.catalogue.n)}` : "nothing is above 0 here";
      fill(area, element("p", "vl-hint", {}, `${words}${SELDOM_WORDS}`), ...top.map((id) => row(s, id)));
    }),
    whenChanged((s) => [s.own, s.ratio, s.layout], (s) => {
      if (!s.own) return;
      thumb ??= thumbnail(s.own.grounds, "image", "");
      thumb.show(s.own.grounds, "image", "");
      fill(image, thumb.node);
      const scale = THUMB / Math.max(s.own.grounds.width, s.own.grounds.height);
      thumb.draw(Math.round(s.own.grounds.width * scale), Math.round(s.own.grounds.height * scale), s.ratio);
    }),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** @param {Scene} scene @param {number} id */
function row(scene, id) {
  const value = scene.shares?.[id] ?? 0;
  const bar = element("span", "vl-bar-filled");
  bar.style.width = `${100 * Math.min(1, value)}%`;
  const node = element("button", "vl-here-row", { type: "button", "data-id": id }, element("span", "vl-row-feature", {}, ...nameNodes(scene, id, 2)), element("span", "vl-bar", { "aria-hidden": "true" }, bar), element("span", "vl-number", {}, share(value)));
  markChosen(node, id === scene.id);
  setAttributes(node, { title: value > 1 ? "more than its largest in the data" : null });
  return node;
}
