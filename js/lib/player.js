// Plays through the states, 0.7 s each, and stops at the last. Where the reader's system asks for
// less motion, a press is one step.

const PACE = 700;

export class Player {
  /**
   * @param {() => { state: number, last: number }} where
   * @param {(state: number) => void} show
   * @param {(playing: boolean) => void} onChange
   */
  constructor(where, show, onChange) {
    this.where = where;
    this.show = show;
    this.onChange = onChange;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  get playing() {
    return this.timer !== undefined;
  }

  /** Starts, from the first state when the last is shown; or stops. */
  toggle() {
    if (this.playing) return this.stop();
    const { state, last } = this.where();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.show(state === last ? 0 : state + 1);
      return;
    }
    if (state === last) this.show(0);
    this.timer = setTimeout(() => this.step(), PACE);
    this.onChange(true);
  }

  step() {
    const { state, last } = this.where();
    if (state >= last) return this.stop();
    this.show(state + 1);
    if (state + 1 === last) return this.stop();
    this.timer = setTimeout(() => this.step(), PACE);
  }

  stop() {
    if (!this.playing) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.onChange(false);
  }
}
