// Redrawing only what has changed.

/**
 * A drawing that is done only when one of the values it depends on differs from the last time.
 * @template Scene
 * @param {(scene: Scene) => unknown[]} valuesOf
 * @param {(scene: Scene) => void} draw
 * @returns {(scene: Scene) => void}
 */
export function whenChanged(valuesOf, draw) {
  /** @type {unknown[] | null} */
  let last = null;
  return (scene) => {
    const values = valuesOf(scene);
    if (last?.every((value, i) => Object.is(value, values[i]))) return;
    last = values;
    draw(scene);
  };
}
