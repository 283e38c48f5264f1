// Light or dark, as the style sheet has resolved it: a host's theme, the operating system's, or
// whatever else decides. Canvases ask here, because CSS cannot reach the colours drawn in them.
import { element } from "./dom.js";

/**
 * Watches the background colour that the style sheet gives to a probe inside `root`. The probe has
 * a transition on its colour, so a change of any cause ends in an event, and nothing outside the
 * widget needs watching.
 * @param {HTMLElement} root
 * @param {(dark: boolean) => void} onChange
 * @param {AbortSignal} signal
 * @returns {() => boolean} whether it is dark now; asks the style sheet, so `root` must be in the page
 */
export function watchTheme(root, onChange, signal) {
  const probe = element("span", "vl-theme-probe", { "aria-hidden": "true" });
  root.append(probe);
  // JupyterLab, when it changes its theme, cuts transitions short.
  for (const end of ["transitionend", "transitioncancel"]) {
    probe.addEventListener(end, () => onChange(isDark(probe)), { signal });
  }
  return () => isDark(probe);
}

/** Painted and read back rather than parsed: browsers write colours in many ways. @param {Element} probe */
function isDark(probe) {
  const canvas = element("canvas", "", { width: 1, height: 1 });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = getComputedStyle(probe).color;
  context.fillRect(0, 0, 1, 1);
  const [r = 0, g = 0, b = 0] = context.getImageData(0, 0, 1, 1).data;
  return r + g + b < 384;
}
