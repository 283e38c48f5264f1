// Drawings as wide as the page makes them: a host that changes its theme may hide its page meanwhile,
// and what is drawn then has no width.

/**
 * Draws at once, or as soon as the node has a width.
 * @template Scene
 * @param {HTMLElement} node
 * @param {(scene: Scene) => void} draw
 * @returns {(scene: Scene) => void}
 */
export function whenShown(node, draw) {
  /** @type {Scene | null} */
  let waiting = null;
  const drawOrWait = (/** @type {Scene} */ scene) => {
    waiting = node.clientWidth === 0 ? scene : null;
    if (!waiting) draw(scene);
  };
  new ResizeObserver(() => waiting && drawOrWait(waiting)).observe(node);
  return drawOrWait;
}
