// Hatch over hidden patches: grey alone could be part of the picture.

/** Distance of the stripes along a row, CSS pixels. */
const PERIOD = 6;
const COLORS = { light: ["#dedede", "#bdbdbd"], dark: ["#2c2c2c", "#4a4a4a"] };

/**
 * Opaque on hidden patches, nothing elsewhere.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} mask
 * @param {{ rows: number, cols: number }} grid
 * @param {{ cell: number, ratio: number, dark: boolean }} look
 */
export function drawHatch(canvas, mask, { rows, cols }, { cell, ratio, dark }) {
  const [width, height] = [Math.round(cols * cell * ratio), Math.round(rows * cell * ratio)];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context) return;
  context.fillStyle = stripes(context, ratio, COLORS[dark ? "dark" : "light"]);
  mask.forEach((hidden, patch) => {
    if (!hidden) return;
    const [row, col] = [Math.floor(patch / cols), patch % cols];
    const [left, top] = [Math.round(col * cell * ratio), Math.round(row * cell * ratio)];
    context.fillRect(left, top, Math.round((col + 1) * cell * ratio) - left, Math.round((row + 1) * cell * ratio) - top);
  });
}

/** @param {CanvasRenderingContext2D} context @param {number} ratio @param {string[]} colors */
function stripes(context, ratio, [ground = "", line = ""]) {
  const side = Math.round(PERIOD * ratio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = side;
  const brush = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  brush.fillStyle = ground;
  brush.fillRect(0, 0, side, side);
  brush.strokeStyle = line;
  brush.lineWidth = ratio;
  for (const shift of [-side, 0, side]) {
    brush.moveTo(shift - side, -side);
    brush.lineTo(shift + side, side);
  }
  brush.stroke();
  return context.createPattern(tile, "repeat") ?? ground;
}
