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
    waiting = null;
    if (node.clientWidth > 0) return draw(scene);
    waiting = scene;
    // hidden within one frame only, its size is the same to an observer
    requestAnimationFrame(() => waiting === scene && node.clientWidth > 0 && drawOrWait(scene));
  };
  new ResizeObserver(() => waiting && node.clientWidth > 0 && drawOrWait(waiting)).observe(node);
  return drawOrWait;
}
