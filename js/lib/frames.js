// Drawing once a frame, however much arrives: of many changes only the latest state is drawn.

/** A hidden tab has no frames, ms: there a drawing waits no longer than this. */
const WITHOUT_FRAMES = 250;

/** What is to be drawn, by all views of this module. @type {Set<() => void>} */
const due = new Set();
let frame = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer = undefined;

/** Draws before the page is painted next; asked again before that, it is drawn once. @param {() => void} draw */
export function drawSoon(draw) {
  due.add(draw);
  if (timer !== undefined) return;
  frame = requestAnimationFrame(drawDue);
  timer = setTimeout(drawDue, WITHOUT_FRAMES);
}

/** Draws now, and not once more for what came before. @param {() => void} draw */
export function drawNow(draw) {
  due.delete(draw);
  draw();
}

/** Draws now what is due, such as before an answer is heard that was sent after it. */
export function drawDue() {
  cancelAnimationFrame(frame);
  clearTimeout(timer);
  timer = undefined;
  const drawings = [...due];
  due.clear();
  for (const draw of drawings) {
    try {
      draw();
    } catch (error) {
      reportError(error); // of one view; the others are drawn all the same
    }
  }
}
