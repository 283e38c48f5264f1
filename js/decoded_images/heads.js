// What each head adds, under the state it reads, or in the order of a number; beside them what stands
// for chance.
import { element, fill } from "../lib/dom.js";
import { whenChanged } from "../lib/changes.js";
import { fillBar, isSame, paint, place, say, tile } from "./tiles.js";
import { cosine, effect, headsWords, longName, shortEffect, shortName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./tiles.js").Tile} Tile */

const LABEL = 20;
const BAR = 6;
/** Beside narrower pictures there is no room for words on the nulls, px. */
const NARROW = 45;
/** So many tiles move to their places in another order; more would only flicker. */
const MOVING = 48;

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function heads(meta) {
  const columns = meta.n_heads + 1;
  const tiles = Array.from({ length: meta.n_layers * columns }, (_, i) => tile({ layer: Math.floor(i / columns), column: i % columns, seed: 0 }));
  const nulls = /** @type {const} */ (["other image", "random"]).filter((kind) => kind === "random" || meta.n_images > 1).map((kind) => ({ kind, tile: nullTile() }));
  const about = element("p", "vl-hint vl-about-nulls");
  const names = element("div", "vl-gutter vl-row-names", { "aria-hidden": "true" });
  const words = element("span", "vl-hint");
  const area = element("div", "vl-area vl-heads", { role: "group", "aria-label": "Heads, by layer; the MLP of each layer last" }, names, ...tiles.map(({ node }) => node), ...nulls.map((one) => one.tile.node), about);
  const foot = element("p", "vl-hint vl-heads-foot");
  const title = element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "Heads"), words);
  const node = element("section", "vl-of-heads", { "aria-label": "Heads" }, title, area, foot);

  let sort = ""; // tiles move when they are sorted, not into their first places nor with the width
  const drawings = [
    whenChanged((/** @type {Scene} */ s) => [s.made, s.layout, s.choices.sort], (s) => {
      words.textContent = headsWords(s);
      foot.textContent = footWords(s);
      foot.style.marginLeft = s.choices.sort === "layer" ? `${s.layout.left}px` : "";
      for (const one of tiles) {
        const turn = s.layout.hasNumbers && s.made.hasEffects ? turnWords(s, one) : "";
        paint(one, s.made.picture(one.spot), turn);
      }
      area.classList.toggle("vl-moving", tiles.length <= MOVING && sort !== "" && sort !== s.choices.sort);
      sort = s.choices.sort;
      arrange(s, tiles, nulls.map((one) => one.tile), about, area);
    }),
    whenChanged((s) => [s.made, s.layout, s.choices.sort, s.component], (s) => {
      for (const one of tiles) write(one, s);
      fill(names, ...(s.choices.sort === "layer" ? rowNames(s) : []));
    }),
    whenChanged((s) => [s.made, s.chosen], (s) => {
      for (const one of tiles) say(one, spoken(s, one), one.spot.layer === s.chosen.layer && one.spot.column === s.chosen.column);
    }),
    whenChanged((s) => [s.singles, s.component, s.choices.strength, s.choices.seed, s.choices.image, s.layout], (s) => {
      for (const { kind, tile: one } of nulls) {
        const found = s.single({ kind });
        paint(one, found, "");
        const word = kind === "random" ? "random" : "other";
        fill(one.label, element("span", "", {}, found ? cosine(found.similarity) : ""), element("span", "vl-effect", {}, word));
        one.label.hidden = !s.layout.hasNumbers;
        fillBar(one, s.layout.hasNumbers || !found ? NaN : found.similarity);
        say(one, `${shortName(s.component, meta)}: ${kind === "random" ? "a random direction as long" : "its part in another image"}, similarity to the input ${found ? cosine(found.similarity) : "to come"}`, false);
      }
      about.textContent = s.layout.cell.width < NARROW ? "" : aboutNulls(s);
    }),
    whenChanged((s) => [s.pointed], (s) => tiles.forEach((one) => one.node.classList.toggle("vl-pointed", isSame(one.spot, s.pointed)))),
  ];
  return { node, update: (scene) => drawings.forEach((draw) => draw(scene)) };
}

/** A picture that is no component's: nothing to choose. @returns {Tile} */
function nullTile() {
  const one = tile({ layer: 0, column: 0, seed: 0 });
  for (const name of ["data-layer", "data-column", "data-seed"]) one.node.removeAttribute(name);
  one.node.disabled = true;
  one.node.classList.add("vl-null");
  return one;
}

/** @param {Scene} scene */
function aboutNulls({ component, meta, layout }) {
  const other = meta.n_images > 1 ? "its part in another image; " : "";
  return layout.hasNumbers ? `nulls for ${shortName(component, meta)}: ${other}a random direction as long` : `nulls: ${meta.n_images > 1 ? "another image, " : ""}random`;
}

/** @param {Scene} scene @param {Tile} tile */
function turnWords({ made, meta }, { spot }) {
  return spot.column < meta.n_heads ? `${made.turn(spot)} of ${made.nHeads}` : "";
}

/** @param {Scene} scene */
function footWords(scene) {
  const { layout, choices, made } = scene;
  const nulls = layout.cell.width < NARROW ? `last, ${aboutNulls(scene)}` : "";
  const note = made.sent.words.no_effects;
  const under = choices.sort !== "layer" ? "" : layout.hasNumbers ? "under each: similarity of the picture to the input; small: effect of its ablation" : "bar: similarity of the picture to the input; numbers in the line below";
  return note ? `No ablation effects. ${note}` : [under, nulls].filter(Boolean).join("; ");
}

/** Puts all tiles in their places. @param {Scene} scene @param {Tile[]} tiles @param {Tile[]} nulls @param {HTMLElement} about @param {HTMLElement} area */
function arrange(scene, tiles, nulls, about, area) {
  const { layout, choices, meta, made } = scene;
  const below = layout.hasNumbers ? LABEL + (choices.sort === "layer" ? 4 : BAR + 4) : BAR;
  if (choices.sort === "layer") {
    const down = layout.cell.height + below;
    const at = (/** @type {number} */ layer, /** @type {number} */ row) => /** @type {const} */ ([layout.left + layer * layout.pitch, row * down]);
    for (const one of tiles) place(one, ...at(one.spot.layer, one.spot.column), layout.cell);
    nulls.forEach((one, row) => place(one, ...at(meta.n_layers, row), layout.cell));
    setAbout(about, ...at(meta.n_layers, nulls.length), Math.max(64, layout.cell.width));
    area.style.height = `${(meta.n_heads + 1) * down}px`;
    return;
  }
  const { columns, gap } = layout.flow;
  const [across, down] = [layout.flow.width + gap, layout.flow.height + below];
  const at = (/** @type {number} */ i) => /** @type {const} */ ([(i % columns) * across, Math.floor(i / columns) * down]);
  made.ordered(choices.sort).forEach(({ layer, column }, i) => {
    const one = tiles[layer * (meta.n_heads + 1) + column];
    if (one) place(one, ...at(i), layout.flow);
  });
  nulls.forEach((one, i) => place(one, ...at(tiles.length + i), layout.flow));
  const end = tiles.length + nulls.length;
  setAbout(about, ...at(end), Math.max(64, layout.flow.width));
  area.style.height = `${(Math.floor(end / columns) + 1) * down}px`;
}

/** @param {HTMLElement} about @param {number} x @param {number} y @param {number} width */
function setAbout(about, x, y, width) {
  about.style.transform = `translate(${x}px, ${y}px)`;
  about.style.width = `${width}px`;
}

/** The numbers under a tile. @param {Tile} one @param {Scene} scene */
function write(one, { layout, choices, made, meta, component }) {
  const [alike, turned] = [made.number(one.spot, 0), made.effect(one.spot)];
  const most = Math.max(...made.effects, 1e-12);
  const isOn = component.layer === one.spot.layer && component.column === one.spot.column;
  one.label.classList.toggle("vl-current", isOn);
  one.label.hidden = !layout.hasNumbers;
  if (choices.sort === "layer") {
    fillBar(one, layout.hasNumbers ? NaN : alike);
    fill(one.label, element("span", "vl-alike", {}, cosine(alike)), element("span", "vl-effect", {}, Number.isNaN(alike) ? "" : shortEffect(turned)));
    return;
  }
  const isByAlike = choices.sort === "similarity";
  fillBar(one, isByAlike ? turned / most : alike);
  fill(one.label, element("span", "vl-alike", {}, shortName(one.spot, meta)), element("b", "vl-effect", {}, isByAlike ? cosine(alike) : shortEffect(turned)));
}

/** @param {Scene} scene */
function rowNames({ layout, meta, component }) {
  const down = layout.cell.height + (layout.hasNumbers ? LABEL + 4 : BAR);
  const every = Math.ceil(14 / down);
  return Array.from({ length: meta.n_heads + 1 }, (_, row) => {
    const isOn = component.column === row;
    const text = row < meta.n_heads ? `H${row}` : "MLP";
    const node = element("span", `vl-row-name ${isOn ? "vl-current" : ""}`, {}, row % every === 0 || row === meta.n_heads ? text : "");
    node.style.top = `${row * down + layout.cell.height / 2 - 8}px`;
    return node;
  });
}

/** @param {Scene} scene @param {Tile} tile */
function spoken({ made, meta }, { spot }) {
  const picture = made.picture(spot);
  const number = effect(made.effect(spot));
  const ablation = number ? `, ablation effect ${number}` : "";
  return `${longName(spot, meta)}, ${picture ? `similarity to the input ${cosine(picture.similarity)}` : "still to come"}${ablation}`;
}
