// Which parts there are, and where they stand in the widget.
import { element } from "../lib/dom.js";
import { errorStrip } from "../lib/error_strip.js";
import { openButton } from "../lib/open_image.js";
import { classList } from "./classes.js";
import { classMap } from "./class_map.js";
import { controls, pictureMenu } from "./controls.js";
import { film } from "./film.js";
import { groupsMeaning } from "./group_parts.js";
import { heldOut } from "./held_out.js";
import { imageView, prefixChips } from "./image_view.js";
import { coloursMeaning, componentsView, otherPictures, similarityView } from "./look.js";
import { lookReadout, teachReadout } from "./readout.js";
import { subtitle } from "./words.js";

/** @typedef {import("./scene.js").Part} Part */

/** @param {import("./scene.js").Meta} meta @param {import("./scene.js").Actions} actions @param {string} whyNoKernel  why no image can be opened; empty where one can */
export function assemble(meta, actions, whyNoKernel) {
  const strip = errorStrip();
  const [menu, choices] = [pictureMenu(meta, actions), controls(meta, actions)];
  const image = imageView(meta);
  const looks = { components: componentsView(meta, actions), similar: similarityView(meta, actions), others: otherPictures(meta, actions), meaning: coloursMeaning(), groups: groupsMeaning(), prefix: prefixChips(meta, actions), readout: lookReadout() };
  const teaches = { map: classMap(meta, actions), readout: teachReadout(), list: classList(meta, actions), held: heldOut(actions) };
  teaches.map.node.append(teaches.readout.node);
  const states = film(meta, actions);
  const aside = element("div", "vl-left", {}, image.node, looks.prefix.node, looks.others.node, looks.meaning.node, looks.groups.node, teaches.held.node);
  const node = element(
    "div",
    "vitlens vl-patch-features",
    {},
    element("div", "vl-header", {}, heading(meta, menu?.node, openButton(actions.open, whyNoKernel)), element("div", "vl-controls", {}, ...choices.map((part) => part.node))),
    strip.node,
    element("div", "vl-body", {}, aside, looks.components.node, looks.similar.node, teaches.map.node, teaches.list.node, states.node),
    looks.readout.node,
  );
  const shared = [...(menu ? [menu] : []), ...choices, image, states];
  return { node, strip, shared, look: Object.values(looks), teach: Object.values(teaches) };
}

/** @param {import("./scene.js").Meta} meta @param {HTMLElement | undefined} menu @param {HTMLElement} open */
function heading(meta, menu, open) {
  const words = subtitle(meta);
  return element("div", "vl-heading", {}, element("h2", "vl-title", {}, "Patch features"), element("span", "vl-secondary", { title: words }, words), menu, open);
}
