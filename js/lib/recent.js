// Keeping what was used last.

/** @template Value */
export class Recent {
  /** @param {number} most  how many values are kept */
  constructor(most) {
    this.most = most;
    /** @type {Map<string, Value>} in the order of their last use */
    this.values = new Map();
  }

  /** @param {string} key */
  get(key) {
    const value = this.values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** @param {string} key @param {Value} value */
  set(key, value) {
    this.values.delete(key);
    this.values.set(key, value);
    for (const oldest of this.values.keys()) {
      if (this.values.size <= this.most) break;
      this.values.delete(oldest);
    }
  }
}
