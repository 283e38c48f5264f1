// Neighbouring patches of one class, as a map has countries.

/**
 * The regions of a grid, in the order of their first cells.
 * @param {number} rows
 * @param {number} cols
 * @param {(cell: number) => number | null} classOf  null: no answer
 * @returns {{ of: number, cells: number[] }[]}
 */
export function regionsIn(rows, cols, classOf) {
  const seen = new Uint8Array(rows * cols);
  const found = [];
  for (let cell = 0; cell < rows * cols; cell++) {
    const of = classOf(cell);
    if (seen[cell] || of === null) continue;
    found.push({ of, cells: connected(cell, rows, cols, (other) => classOf(other) === of, seen) });
  }
  return found;
}

/** Cells reached from one through neighbours of its kind. @param {number} first @param {number} rows @param {number} cols @param {(cell: number) => boolean} isOfIt @param {Uint8Array} seen */
function connected(first, rows, cols, isOfIt, seen) {
  const cells = [first];
  seen[first] = 1;
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] ?? 0;
    for (const next of neighbours(cell, rows, cols)) {
      if (seen[next] || !isOfIt(next)) continue;
      seen[next] = 1;
      cells.push(next);
    }
  }
  return cells;
}

/** Above, below, left and right, as far as they are there. @param {number} cell @param {number} rows @param {number} cols */
export function neighbours(cell, rows, cols) {
  const [row, col] = [Math.floor(cell / cols), cell % cols];
  return [
    ...(row > 0 ? [cell - cols] : []),
    ...(row + 1 < rows ? [cell + cols] : []),
    ...(col > 0 ? [cell - 1] : []),
    ...(col + 1 < cols ? [cell + 1] : []),
  ];
}
