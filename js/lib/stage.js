// The life of a view on its page: its width, the theme, its keys, the mark of waiting, and its end.
import { keepBeforehand } from "./notebook_keys.js";
import { watchTheme } from "./theme.js";

/** Nothing says "busy" before this time: on every quick answer it would be a flash. */
const PATIENCE = 150;

export class Stage {
  /**
   * @param {HTMLElement} node  the view's root
   * @param {() => void} redraw  the width or the theme has changed
   */
  constructor(node, redraw) {
    this.node = node;
    this.width = 0;
    this.dark = false;
    this.life = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.waiting = undefined;
    const isDark = watchTheme(
      node,
      (dark) => {
        this.dark = dark;
        redraw();
      },
      this.life.signal,
    );
    keepBeforehand(node, this.life.signal);
    this.resizing = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.borderBoxSize[0]?.inlineSize ?? 0);
      if (width === 0) return;
      this.width = width;
      this.dark = isDark();
      redraw();
    });
    this.resizing.observe(node);
  }

  /** Whether there is anything to draw on: in a hidden tab the width is 0. */
  get isShown() {
    return this.width > 0 && !this.life.signal.aborted;
  }

  /** While the kernel computes, the last picture stays, fainter. @param {boolean} waiting */
  showWaiting(waiting) {
    if (waiting === (this.waiting !== undefined)) return;
    clearTimeout(this.waiting);
    this.waiting = waiting ? setTimeout(() => this.node.classList.add("vl-waiting"), PATIENCE) : undefined;
    if (!waiting) this.node.classList.remove("vl-waiting");
  }

  destroy() {
    clearTimeout(this.waiting);
    this.resizing.disconnect();
    this.life.abort();
    this.node.remove();
  }
}
