// Where features stand in the scatter, 0..1 across and up, and which one is near a place.

/** @typedef {import("./scene.js").AxisName} AxisName */
/** @typedef {{ at: number, text: string }} Tick  at: 0..1 */
/** @typedef {{ isLog: boolean, isTail: boolean, low: number, high: number, ticks: Tick[] }} Scale  low, high: where powers are shown, powers */

const LOG = new Set(["largest", "density"]);

/** The last that the tail tells apart: 1 - 10^-4. */
const MOST_NINES = 4;
const TAIL_TICKS = [0.5, 0.7, 0.9, 0.97, 0.99, 0.997, 0.999, 0.9999];

/** How many nines an area has. @param {number} area */
const nines = (area) => Math.min(MOST_NINES, -Math.log10(1 - area));

/** @param {AxisName} name @param {Float32Array} numbers @returns {Scale} */
export function scaleOf(name, numbers) {
  const [isLog, isTail] = [LOG.has(name), name === "tail"];
  let [low, high] = [Infinity, -Infinity];
  for (const number of numbers) {
    if (!Number.isFinite(number) || (isLog && number <= 0)) continue;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (name === "selectivity" || isTail) [low, high] = [Math.min(0.5, low), 1];
  if (!(high > low)) [low, high] = Number.isFinite(high) ? [isLog ? high / 2 : high - 1, isLog ? high * 2 : high + 1] : [isLog ? 0.1 : 0, 1];
  if (isLog) [low, high] = [Math.log10(low), Math.log10(high)];
  if (isTail) return { isLog, isTail, low: nines(low), high: MOST_NINES, ticks: tailTicks(nines(low)) };
  return { isLog, isTail, low, high, ticks: isLog ? logTicks(low, high, name === "density") : linearTicks(low, high) };
}

/** @param {number} low @param {number} high  powers of ten @param {boolean} isShare @returns {Tick[]} */
function logTicks(low, high, isShare) {
  const found = [];
  const steps = high - low > 3.5 ? [1] : high - low > 1 ? [1, 3] : [1, 2, 3, 5];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const step of steps) {
      const at = (power + Math.log10(step) - low) / (high - low);
      const value = step * 10 ** power;
      if (at >= 0 && at <= 1) found.push({ at, text: isShare ? `${plain(100 * value)} %` : plain(value) });
    }
  }
  return found;
}

/** @param {number} low  nines @returns {Tick[]} */
const tailTicks = (low) => TAIL_TICKS.map((area) => ({ at: (nines(area) - low) / (MOST_NINES - low), text: `${area === 0.9999 ? "≥ " : ""}${area}` })).filter(({ at }) => at >= 0);

/** @param {number} low @param {number} high @returns {Tick[]} */
function linearTicks(low, high) {
  const power = 10 ** Math.floor(Math.log10(high - low));
  const step = [0.1, 0.2, 0.5, 1].map((factor) => factor * power).find((one) => (high - low) / one <= 6) ?? power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => ({ at: ((first + i) * step - low) / (high - low), text: plain((first + i) * step) }));
}

/** A round number, without the noise of floating point. @param {number} value */
export const plain = (value) => String(Number(value.toPrecision(3))).replace("-", "−");

/** @param {Scale} scale @param {number} value  0..1 of the plot, NaN where it has no place */
export function placeOf({ isLog, isTail, low, high }, value) {
  if (!Number.isFinite(value) || (isLog && value <= 0)) return NaN;
  return ((isLog ? Math.log10(value) : isTail ? nines(value) : value) - low) / (high - low);
}

const CELLS = 64;

export class Points {
  /** @param {Scale} across @param {Float32Array} x @param {Scale} up @param {Float32Array} y */
  constructor(across, x, up, y) {
    this.across = across;
    this.up = up;
    this.n = x.length;
    this.x = x.map((value) => placeOf(across, value));
    this.y = y.map((value) => placeOf(up, value));
    /** @type {{ starts: Uint32Array, ids: Uint32Array } | null} */
    this.index = null;
  }

  /** @param {number} id */
  isThere(id) {
    return !Number.isNaN((this.x[id] ?? NaN) + (this.y[id] ?? NaN));
  }

  /** Features by the cell that they stand in, sorted once. */
  cells() {
    if (this.index) return this.index;
    const starts = new Uint32Array(CELLS * CELLS + 1);
    for (let id = 0; id < this.n; id++) if (this.isThere(id)) starts[this.cell(id) + 1]++;
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
    const [next, ids] = [starts.slice(), new Uint32Array(starts.at(-1) ?? 0)];
    for (let id = 0; id < this.n; id++) if (this.isThere(id)) ids[next[this.cell(id)]++] = id;
    return (this.index = { starts, ids });
  }

  /** @param {number} id */
  cell(id) {
    return cellAt(this.x[id] ?? 0, this.y[id] ?? 0);
  }

  /**
   * The nearest one within so many pixels.
   * @param {number} x  of the plot, px
   * @param {number} y  from below, px
   * @param {number} width
   * @param {number} height
   * @param {number} reach  px
   * @returns {number | null}
   */
  nearest(x, y, width, height, reach) {
    const { starts, ids } = this.cells();
    const range = (/** @type {number} */ at, /** @type {number} */ size) => [clamped((at - reach) / size), clamped((at + reach) / size)];
    const [left = 0, right = 0] = range(x, width);
    const [low = 0, high = 0] = range(y, height);
    let [best, least] = /** @type {[number | null, number]} */ ([null, reach * reach]);
    for (let row = low; row <= high; row++) {
      const [from, to] = [starts[row * CELLS + left] ?? 0, starts[row * CELLS + right + 1] ?? 0];
      for (let i = from; i < to; i++) {
        const id = ids[i] ?? 0;
        const distance = ((this.x[id] ?? 0) * width - x) ** 2 + ((this.y[id] ?? 0) * height - y) ** 2;
        if (distance <= least) [best, least] = [id, distance];
      }
    }
    return best;
  }

  /** @param {Uint32Array} ids @param {import("./scene.js").Frame} frame */
  inside(ids, { left, right, low, high }) {
    return ids.filter((id) => {
      const [x, y] = [this.x[id] ?? NaN, this.y[id] ?? NaN];
      return x >= left && x <= right && y >= low && y <= high;
    });
  }
}

/** @param {number} share */
const clamped = (share) => Math.min(CELLS - 1, Math.max(0, Math.floor(share * CELLS)));

/** @param {number} x @param {number} y */
const cellAt = (x, y) => clamped(y) * CELLS + clamped(x);
