// What each patch answers with the feature at the chosen strength; a ring where the answer changed.
import { whenChanged } from "../lib/changes.js";
import { element, setAttributes } from "../lib/dom.js";
import { emojiOf, isBackground } from "../lib/labels.js";
import { sprite } from "../lib/sprites.js";
import { edges } from "../lib/tinting.js";
import { counted } from "../lib/numbers.js";
import { strengthName, STRENGTHS } from "./strengths.js";

/** @typedef {import("./scene.js").Scene} Scene */

/** Smaller patches have no emoji, px. */
const SMALLEST = 12;

/** @param {import("./scene.js").Meta} meta @returns {import("./scene.js").Part} */
export function answers(meta) {
  const hint = element("span", "vl-hint");
  const canvas = element("canvas", "vl-answers-canvas", { role: "img" });
  const node = element("section", "vl-answers", { "aria-label": "Answers of patches" }, element("div", "vl-head vl-part-head", {}, element("h3", "vl-title", {}, "Answers"), hint), canvas, element("p", "vl-hint", {}, "fainter: less probable; dashed ring: another answer than as it is"));
  const update = whenChanged((/** @type {Scene} */ s) => [s.look("turned"), s.choices.strength, s.own, s.layout, s.ratio], (s) => {
    const found = s.look("turned");
    node.hidden = !meta.n_images || Boolean(found && !found.arrays["named"]);
    if (node.hidden || !s.own) return;
    const { layout, ratio } = s;
    setAttributes(canvas, { width: Math.round(layout.cell * meta.cols * ratio), height: Math.round(layout.cell * meta.rows * ratio) });
    Object.assign(canvas.style, { width: `${layout.cell * meta.cols}px`, height: `${layout.cell * meta.rows}px` });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.putImageData(s.own.grounds.copy("map", canvas.width, canvas.height), 0, 0);
    if (!found) return;
    const changed = drawAnswers(context, s, found);
    hint.textContent = `${strengthName(s.choices.strength)}: ${changed ? `${counted(changed, "patch changes", "patches change")}` : "no patch changes"}`;
    setAttributes(canvas, { "aria-label": `Answers of patches, ${hint.textContent}` });
  });
  return { node, update };
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {import("./scene.js").Found} found @returns {number} patches whose answer changed */
function drawAnswers(context, { choices, meta, layout, ratio }, { said, arrays }) {
  const patches = meta.rows * meta.cols;
  const [at, usual] = [STRENGTHS.indexOf(choices.strength) * patches, STRENGTHS.indexOf(1) * patches];
  let changed = 0;
  for (let patch = 0; patch < patches; patch++) {
    const index = arrays["named"][at + patch];
    const [name, emoji] = said.names[index] ?? ["", ""];
    const box = boxOf(patch, meta, context.canvas);
    if (layout.cell >= SMALLEST) stamp(context, box, name, emojiOf(emoji), 0.25 + 0.75 * arrays["chance"][at + patch], ratio);
    if (index === arrays["named"][usual + patch]) continue;
    changed += 1;
    Object.assign(context, { strokeStyle: "rgba(0,0,0,.85)", lineWidth: 2 * ratio });
    context.setLineDash([]);
    const inset = ratio;
    context.strokeRect(box.x + inset, box.y + inset, box.width - 2 * inset, box.height - 2 * inset);
    context.strokeStyle = "#fff";
    context.setLineDash([4 * ratio, 3 * ratio]);
    context.strokeRect(box.x + inset, box.y + inset, box.width - 2 * inset, box.height - 2 * inset);
  }
  context.setLineDash([]);
  return changed;
}

/** @param {number} patch @param {{ rows: number, cols: number }} grid @param {{ width: number, height: number }} size */
function boxOf(patch, { rows, cols }, { width, height }) {
  const [left, right] = edges(patch % cols, cols, width);
  const [top, bottom] = edges(Math.floor(patch / cols), rows, height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** An emoji, or a dot for nothing, or the first letters of a name. @param {CanvasRenderingContext2D} context @param {{ x: number, y: number, width: number, height: number }} box @param {string} name @param {string} emoji @param {number} opacity @param {number} ratio */
function stamp(context, { x, y, width, height }, name, emoji, opacity, ratio) {
  const size = Math.round(0.66 * Math.min(width, height));
  context.globalAlpha = opacity;
  if (isBackground(name)) {
    context.fillStyle = "#fff";
    context.beginPath();
    context.arc(x + width / 2, y + height / 2, 1.5 * ratio, 0, 7);
    context.fill();
  } else if (emoji) {
    const drawn = sprite(emoji, size, "dark");
    context.drawImage(drawn, Math.round(x + (width - drawn.width) / 2), Math.round(y + (height - drawn.height) / 2));
  } else {
    context.fillStyle = "#fff";
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.fillText(name.slice(0, 3), x + width / 2, y + height / 2 + 4 * ratio);
  }
  context.globalAlpha = 1;
}
