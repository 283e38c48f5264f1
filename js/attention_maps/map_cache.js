// Maps and exact numbers in the browser: what has arrived, and asking for what has not.
import { asFloat32, asUint8 } from "../lib/bytes.js";
import { Recent } from "../lib/recent.js";
import { Latest } from "../lib/requests.js";

/** @typedef {import("./shades.js").Range} Range */
/** @typedef {import("./shades.js").Kind} Kind */
/** @typedef {import("../lib/requests.js").Ask} Ask */
/** @typedef {"head" | "mean" | "rollout"} Show */

/**
 * @typedef {object} What  which map
 * @property {Show} show
 * @property {Kind} kind
 * @property {number} layer
 * @property {number} head
 * @property {number | null} image  null: the mean over the images
 * @property {number} [run]  of the model, where there are several
 */

/** @typedef {{ key: string, kind: Kind, codes: Uint8Array, side: number, range: Range }} AttentionMap */

/**
 * One map has one key, whatever is chosen beside it.
 * @param {What} what
 */
export function keyOf({ show, kind, layer, head, image, run }) {
  const which = show === "head" ? `head ${head}` : show;
  const of = `${which} of ${layer}, ${show === "rollout" ? "pattern" : kind}, image ${image}`;
  return run === undefined ? of : `${of}, run ${run}`;
}

/** @param {What} what @returns {Kind} */
export const kindOf = ({ show, kind }) => (show === "rollout" ? "pattern" : kind);

/** Every head's map or thumbnail, of one kind and one image. */
export class Overview {
  /**
   * @param {{ kind: Kind, image: number | null, run?: number }} of
   * @param {{ nHeads: number, side: number, n: number }} sizes  n: tokens
   * @param {Uint8Array} codes
   * @param {Float32Array} ranges
   * @param {Float32Array} thumbRanges  empty when the maps are whole
   */
  constructor(of, { nHeads, side, n }, codes, ranges, thumbRanges) {
    this.kind = of.kind;
    this.image = of.image;
    this.run = of.run;
    this.nHeads = nHeads;
    this.side = side;
    this.isWhole = side === n;
    this.codes = codes;
    this.ranges = rangesOf(ranges);
    this.thumbRanges = this.isWhole ? this.ranges : rangesOf(thumbRanges);
    this.nLayers = this.ranges.length / nHeads;
    /** How many layers have not come yet. */
    this.missing = Array.from({ length: this.nLayers }, (_, layer) => layer).filter((layer) => !this.isHere(this.index(layer, 0))).length;
  }

  /** Whether a head's map has come; layers come one after the other. @param {number} index */
  isHere(index) {
    return !Number.isNaN(this.ranges[index]?.hi);
  }

  /** @param {number} layer @param {number} head */
  index(layer, head) {
    return layer * this.nHeads + head;
  }

  /**
   * The ranges of the maps that share a scale with those of a layer; none when each has its own.
   * @param {import("./scene.js").Choices["norm"]} norm
   * @param {number} layer
   */
  sharing(norm, layer) {
    if (norm === "map") return [];
    const first = this.index(layer, 0);
    const shared = norm === "all" ? this.ranges : this.ranges.slice(first, first + this.nHeads);
    return this.missing ? shared.filter(({ hi }) => !Number.isNaN(hi)) : shared;
  }

  /** @param {number} index */
  codesOf(index) {
    const size = this.side ** 2;
    return this.codes.subarray(index * size, (index + 1) * size);
  }
}

/** @param {Float32Array} numbers @returns {Range[]} */
function rangesOf(numbers) {
  return Array.from({ length: numbers.length / 3 }, (_, i) => {
    const [lo = 0, hi = 0, top = 0] = numbers.subarray(3 * i, 3 * i + 3);
    return { lo, hi, top };
  });
}

/** Large maps that the browser keeps: some 8 MB at 577 tokens. */
const MAPS_KEPT = 24;

export class MapCache {
  /**
   * @param {number} n  tokens
   * @param {Ask} ask
   * @param {() => void} onArrival
   * @param {(sentence: string, again: () => void) => void} onError
   * @param {number} most  maps that are kept; where none can be asked for again, all
   */
  constructor(n, ask, onArrival, onError, most = MAPS_KEPT) {
    this.n = n;
    /** @type {Recent<AttentionMap>} */
    this.kept = new Recent(most);
    /** @type {Latest<What>} */
    this.requests = new Latest(
      ask,
      "_map",
      ({ message, response, buffers }) => {
        this.put(message, response, asUint8(buffers[0]));
        onArrival();
      },
      onError,
    );
  }

  /** @param {What} what @param {Range} range @param {Uint8Array} codes */
  put(what, { lo, hi, top }, codes) {
    const key = keyOf(what);
    this.kept.set(key, { key, kind: kindOf(what), codes, side: this.n, range: { lo, hi, top } });
  }

  /**
   * A map that is here; otherwise null, and it is asked for.
   * @param {What} what
   * @param {Overview} overview
   * @returns {AttentionMap | null}
   */
  find(what, overview) {
    const key = keyOf(what);
    const known = this.kept.get(key);
    if (known) return known;
    if (overview.isWhole && overview.isHere(overview.index(what.layer, what.head)) && what.show === "head" && overview.kind === what.kind && overview.image === what.image) {
      const index = overview.index(what.layer, what.head);
      this.put(what, /** @type {Range} */ (overview.ranges[index]), overview.codesOf(index));
      return this.kept.get(key) ?? null;
    }
    this.requests.want(what);
    return null;
  }
}

/** Rows and columns that are kept: some 7 MB at 577 tokens. */
const LINES_KEPT = 3000;
const WHOLE_MAPS_KEPT = 16;

/** Exact numbers: whole maps where these are small, rows and columns where they are not. */
export class ExactCache {
  /**
   * @param {number} n  tokens
   * @param {Ask | null} ask  null on a page without a kernel: what is not here will not come
   * @param {() => void} onArrival
   * @param {(sentence: string, again: () => void) => void} onError
   */
  constructor(n, ask, onArrival, onError) {
    this.n = n;
    /** @type {Recent<Float32Array>} */
    this.whole = new Recent(ask ? WHOLE_MAPS_KEPT : Infinity);
    /** @type {Recent<Float32Array>} */
    this.lines = new Recent(LINES_KEPT);
    /** What stands in the place of a number that is not here. */
    this.missing = ask ? "…" : "–";
    /** @type {Latest<What & { query: number | null, key: number | null }> | null} */
    this.requests =
      ask &&
      new Latest(
        ask,
        "_exact",
        ({ message, response, buffers }) => {
          this.put(message, response, buffers.map(asFloat32));
          onArrival();
        },
        onError,
      );
  }

  /**
   * @param {What} what
   * @param {{ kinds: Kind[], whole: boolean, query?: number | null, key?: number | null }} response
   * @param {Float32Array[]} numbers
   */
  put(what, { kinds, whole, query = null, key = null }, numbers) {
    kinds.forEach((kind, i) => {
      const map = keyOf({ ...what, kind });
      if (whole) return this.whole.set(map, /** @type {Float32Array} */ (numbers[i]));
      const [row, column] = [numbers[2 * i], numbers[2 * i + 1]];
      if (query !== null && row) this.lines.set(`${map}, row ${query}`, row);
      if (key !== null && column) this.lines.set(`${map}, column ${key}`, column);
    });
  }

  /**
   * One query's weights for all keys; null when they are not here.
   * @param {What} what
   * @param {number} query  position
   * @returns {Float32Array | null}
   */
  row(what, query) {
    const map = keyOf(what);
    const whole = this.whole.get(map);
    if (whole) return whole.subarray(query * this.n, (query + 1) * this.n);
    return this.lines.get(`${map}, row ${query}`) ?? null;
  }

  /**
   * One key's weights from all queries; null when they are not here.
   * @param {What} what
   * @param {number} key  position
   * @returns {Float32Array | null}
   */
  column(what, key) {
    const map = keyOf(what);
    const name = `${map}, column ${key}`;
    const known = this.lines.get(name);
    const whole = this.whole.get(map);
    if (known || !whole) return known ?? null;
    const column = Float32Array.from({ length: this.n }, (_, query) => whole[query * this.n + key] ?? NaN);
    this.lines.set(name, column);
    return column;
  }

  /**
   * The weight of one pair, from its row or its column.
   * @param {What} what
   * @param {number} query
   * @param {number} key
   * @returns {number | null}
   */
  value(what, query, key) {
    return this.row(what, query)?.[key] ?? this.column(what, key)?.[query] ?? null;
  }

  /**
   * Asks for what is missing of a row and a column.
   * @param {What} what
   * @param {number | null} query
   * @param {number | null} key
   */
  want(what, query, key) {
    const missingRow = query !== null && !this.row(what, query);
    const missingColumn = key !== null && !this.column(what, key);
    if (!missingRow && !missingColumn) return;
    this.requests?.want({ ...what, query: missingRow ? query : null, key: missingColumn ? key : null });
  }
}
