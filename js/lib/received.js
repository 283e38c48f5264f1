// What the kernel sent, decoded; parts that have not been sent anew stay the same objects.

/** @typedef {(name: string) => any} Get  a trait by its name */

/**
 * @template Value
 * @param {Get} get
 * @param {string[]} names  of the traits that the value is made of
 * @param {() => Value} read
 * @returns {() => Value}
 */
export function received(get, names, read) {
  /** @type {{ of: unknown[], value: Value } | null} */
  let last = null;
  return () => {
    const now = names.map(get);
    if (!last || now.some((one, i) => one !== last?.of[i])) last = { of: now, value: read() };
    return last.value;
  };
}
