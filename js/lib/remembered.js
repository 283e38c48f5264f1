// Values that are made anew only when what they are made of changes, so that those who use them can
// tell by identity whether anything has changed.

export class Remembered {
  constructor() {
    /** @type {Record<string, { of: unknown[], value: any }>} */
    this.known = {};
  }

  /**
   * @template Value
   * @param {string} name
   * @param {unknown[]} of  what the value is made of
   * @param {() => Value} make
   * @returns {Value}
   */
  get(name, of, make) {
    const known = this.known[name];
    if (known?.of.every((value, i) => Object.is(value, of[i]))) return known.value;
    const value = make();
    this.known[name] = { of, value };
    return value;
  }
}
