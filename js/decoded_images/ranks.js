// Numbers among others.

/** By linear interpolation, as NumPy has it. @param {number[]} values @param {number} share */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN];
  return low + (high - low) * (at - Math.floor(at));
}

/** "10 of 15", the largest first; nothing where there is no number. @param {number[]} values @param {number} index */
export function rankAmong(values, index) {
  const own = values[index] ?? NaN;
  if (Number.isNaN(own)) return "";
  const known = values.filter((value) => !Number.isNaN(value));
  return `${1 + known.filter((value) => value > own).length} of ${known.length}`;
}
