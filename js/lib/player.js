// Plays through the states, 0.7 s each, and stops at the last. Where the reader's system asks for
// less motion, a press is one step.

const PACE = 700;

export class Player {
  /**
   * @param {() => { layer: number, last: number }} where
   * @param {(layer: number) => void} show
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
    const { layer, last } = this.where();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.show(layer === last ? 0 : layer + 1);
      return;
    }
    if (layer === last) this.show(0);
    this.timer = setTimeout(() => this.step(), PACE);
    this.onChange(true);
  }

  step() {
    const { layer, last } = this.where();
    if (layer >= last) return this.stop();
    this.show(layer + 1);
    if (layer + 1 === last) return this.stop();
    this.timer = setTimeout(() => this.step(), PACE);
  }

  stop() {
    if (!this.playing) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.onChange(false);
  }
}
