// A kernel that was restarted, or has ended, knows nothing of the widgets it made before.

export const GONE =
  "The kernel that made this widget was restarted or has ended: run its cell again. Until then it shows what is here already.";

/**
 * Whether nothing reaches the kernel any more. Notebooks do not hand a widget the state of its line,
 * so something is sent that no widget answers: a line that is closed refuses it.
 * @param {{ send?: ((content: unknown) => void) | undefined }} model
 */
export function isKernelGone(model) {
  try {
    model.send?.({});
    return false;
  } catch {
    return true;
  }
}
