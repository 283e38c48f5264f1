// What one token answers, state by state: its most probable classes and the target's rank.
import { element, fill, icon } from "../lib/dom.js";
import { ordinal, probability } from "../lib/numbers.js";
import { whenChanged } from "../lib/changes.js";
import { labelNode } from "../lib/label_nodes.js";
import { longestName } from "./words.js";

/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./reading.js").Reading} Reading */

const PIN = "M9.5 1.5l5 5-1.2 1-1-.2-2.6 2.6.2 2.6-1.1 1.1-2.9-2.9-4 4-.6-.6 4-4-2.9-2.9L3.5 6l2.6.2L8.7 3.700l-.2-1z";
const NONE_PINNED = "; click a patch for its own";

/**
 * @param {Reading} reading
 * @returns {import("./scene.js").Part}
 */
export function answersTable(reading) {
  const title = element("h3", "vl-title");
  const which = element("span", "vl-secondary");
  const pin = element("span", "vl-pin", {}, icon(PIN, "solid"));
  const hint = element("span", "vl-hint", {}, "arrows move · Enter pins · Esc unpins");
  const head = element("div", "vl-head", {}, pin, title, which, hint);
  const frame = element("div", "vl-table-frame");
  const node = element("section", "vl-answers", { "aria-label": "Answers of one token" }, head, frame);
  node.style.setProperty("--vl-states", String(reading.nStates));
  node.style.setProperty("--vl-state-name", String(longestName(reading)));
  node.classList.toggle("vl-dense", reading.nStates > 8);
  node.classList.toggle("vl-many-classes", reading.nClasses > 99);

  const update = whenChanged(
    (s) => [s.reading, shownToken(s), s.token, s.state, s.columns, s.layout.answers],
    (scene) => {
      const token = shownToken(scene);
      const scrolled = frame.firstElementChild?.scrollTop ?? 0;
      pin.hidden = token !== scene.token;
      title.textContent = titleOf(reading, token);
      which.textContent = [whichOf(scene, token), reading.kindWords].filter(Boolean).join(" · ");
      fill(frame, tableOf(scene, token));
      keepInView(frame, scrolled);
    },
  );
  return { node, update };
}

/** The pinned token, or while none is pinned the one pointed at, or else what the classifier reads. @param {Scene} scene */
export const shownToken = ({ reading, token, passing }) => token ?? passing ?? reading.readout;

/** @param {Reading} reading @param {number} token */
function titleOf(reading, token) {
  const place = reading.place(token);
  return place ? `Patch row ${place.row}, column ${place.col}` : capital(reading.describe(token));
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {Scene} scene @param {number} shown */
function whichOf({ reading, token, passing }, shown) {
  if (shown === reading.readout) return `what the classifier reads${token === null && passing === null ? NONE_PINNED : ""}`;
  return shown === token ? `token ${shown}, pinned` : `token ${shown}`;
}

/** @param {Scene} scene @param {number} token */
function tableOf(scene, token) {
  const { reading, layout, target } = scene;
  const places = Array.from({ length: layout.answers }, (_, i) => i);
  const heads = places.map((i) => element("th", "", { scope: "col" }, i ? ordinal(i + 1) : "1st answer"));
  const targetHead = element("th", "vl-target-column", { scope: "col" }, element("span", "vl-label", {}, "target ", labelNode(target)));
  const rows = Array.from({ length: reading.nStates }, (_, state) => rowOf(scene, token, state, places));
  return element(
    "div",
    "vl-scroll",
    {},
    element(
      "table",
      "vl-table",
      {},
      element("thead", "", {}, element("tr", "", {}, element("th", "vl-state-column", { scope: "col" }, "state"), ...heads, targetHead)),
      element("tbody", "", {}, ...rows),
    ),
  );
}

/** @param {Scene} scene @param {number} token @param {number} state @param {number[]} places */
function rowOf(scene, token, state, places) {
  const { reading } = scene;
  const current = state === scene.state;
  return element(
    "tr",
    current ? "vl-current" : "",
    { "aria-current": current ? "true" : null },
    element("th", "", { scope: "row" }, reading.stateName(state)),
    ...(reading.isKnown(state, token)
      ? [...places.map((place) => answerCell(reading.answer(state, token, place))), targetCell(scene, token, state)]
      : [element("td", "vl-hint", { colspan: places.length + 1 }, "…")]),
  );
}

/** @param {import("./reading.js").Answer} answer */
const answerCell = ({ label, probability: p }) =>
  element("td", "", {}, element("div", "vl-answer", {}, labelNode(label), element("span", "vl-number", {}, probability(p)), bar(p)));

/** @param {Scene} scene @param {number} token @param {number} state */
function targetCell({ reading, columns }, token, state) {
  const p = reading.probability(columns, state, token);
  const rank = columns.rank[reading.at(state, token)] ?? 0;
  const words = Number.isNaN(p) ? null : element("span", "vl-rank", {}, "rank ", element("b", "", {}, String(rank)));
  return element("td", "", {}, element("div", "vl-answer", {}, words ?? element("span"), element("span", "vl-number", {}, probability(p, 3)), bar(p)));
}

/** @param {number} p */
export function bar(p) {
  const node = element("span", "vl-bar");
  const filled = element("span", "vl-bar-filled");
  filled.style.width = `${100 * (p || 0)}%`;
  node.append(filled);
  return node;
}

/** Scrolls only the table itself, never the page. @param {HTMLElement} frame @param {number} scrolled */
function keepInView(frame, scrolled) {
  const scroll = frame.querySelector(".vl-scroll");
  const row = /** @type {HTMLElement | null} */ (frame.querySelector("tr.vl-current"));
  if (!scroll || !row) return;
  const head = 24;
  const [top, bottom] = [row.offsetTop - head, row.offsetTop + row.offsetHeight];
  scroll.scrollTop = Math.min(top, Math.max(scrolled, bottom - scroll.clientHeight));
}
