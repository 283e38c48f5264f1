// Keys pressed in a widget that a notebook would take for its own shortcuts.

/**
 * Keeps a plain key from the notebook around the widget; combinations, such as the one that saves,
 * go through. `data-lm-suppress-shortcuts` is not enough: JupyterLab's command-mode selectors match
 * the focused element itself before any attribute of its parents is looked at, so that "b" on a
 * focused patch inserted a cell.
 * @param {KeyboardEvent} event
 */
export function keepFromNotebook(event) {
  if (!(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
}
