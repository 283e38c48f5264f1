// Where a key moves the focus in a grid, after the ARIA grid pattern.

/**
 * @param {string} key  a KeyboardEvent's key
 * @param {boolean} whole  Control or Command is held: Home and End mean the whole grid
 * @param {{ row: number, col: number }} at
 * @param {{ rows: number, cols: number }} grid
 * @returns {{ row: number, col: number } | null} null when the key moves nothing in a grid
 */
export function moved(key, whole, { row, col }, { rows, cols }) {
  switch (key) {
    case "ArrowLeft":
      return { row, col: Math.max(0, col - 1) };
    case "ArrowRight":
      return { row, col: Math.min(cols - 1, col + 1) };
    case "ArrowUp":
      return { row: Math.max(0, row - 1), col };
    case "ArrowDown":
      return { row: Math.min(rows - 1, row + 1), col };
    case "Home":
      return { row: whole ? 0 : row, col: 0 };
    case "End":
      return { row: whole ? rows - 1 : row, col: cols - 1 };
    default:
      return null;
  }
}
