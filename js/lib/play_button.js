// The button that plays through the states.
import { element, fill, icon, setAttributes } from "./dom.js";

const PLAY = "M4.5 3v10l8.5-5z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";

/**
 * @param {() => void} play  starts or stops
 * @returns {{ node: HTMLElement, show: (playing: boolean) => void }}
 */
export function playButton(play) {
  const node = element("button", "vl-button vl-play", { type: "button" });
  node.addEventListener("click", play);
  return {
    node,
    show: (playing) => {
      const words = playing ? "Pause" : "Play through the states";
      fill(node, icon(playing ? PAUSE : PLAY, "solid"));
      setAttributes(node, { "aria-label": words, title: words });
    },
  };
}
