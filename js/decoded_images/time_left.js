// How long the rest will take, told only where it is long.

const LONG = 45_000; // ms
/** Pieces after which their pace is known. */
const KNOWN = 3;

/** @returns {(left: number, isResting: boolean, words: string) => string} words, and how long it will take */
export function timeLeft() {
  /** @type {{ left: number, at: number } | null} */
  let start = null;
  return (left, isResting, words) => {
    const now = performance.now();
    if (isResting || left === 0 || start === null || left > start.left) start = isResting || left === 0 ? null : { left, at: now };
    const done = start ? start.left - left : 0;
    if (!start || done < KNOWN) return words;
    const rest = ((now - start.at) / done) * left;
    return rest < LONG ? words : `${words}, about ${Math.round(rest / 60_000) || 1} min left`;
  };
}
