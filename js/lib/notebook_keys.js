// Keys pressed in a widget that a notebook would take for its own shortcuts: "b" on a focused patch
// would insert a cell. Combinations, such as the one that saves, are the notebook's.

/** @param {KeyboardEvent} event */
const isCombination = (event) => event.ctrlKey || event.metaKey || event.altKey;

/**
 * Keeps a plain key from notebooks that listen around the widget.
 * @param {KeyboardEvent} event
 */
export function keepFromNotebook(event) {
  if (!isCombination(event)) event.stopPropagation();
}

/**
 * Keeps plain keys from notebooks that listen before the widget does: Notebook 7 looks at each key
 * as it comes down from the document, so only the window is asked earlier. Its shortcuts heed a mark
 * on the focused element itself; on a parent, they would have matched before it is looked at.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
export function keepBeforehand(root, signal) {
  const mark = (/** @type {KeyboardEvent} */ event) => {
    const { target } = event;
    if (!(target instanceof Element) || !root.contains(target)) return;
    if (isCombination(event)) target.removeAttribute("data-lm-suppress-shortcuts");
    else target.setAttribute("data-lm-suppress-shortcuts", "true");
  };
  addEventListener("keydown", mark, { capture: true, signal });
}
