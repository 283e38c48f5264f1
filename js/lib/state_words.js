// States in words.

/**
 * "3_pre: before block 3", "final: after the last block"; what is no state says its own name.
 * @param {string} name
 * @param {number} state
 */
export function stateWords(name, state) {
  if (name === "final") return "final: after the last block";
  return name === `${state}_pre` ? `${name}: before block ${state}` : name;
}

/**
 * Which states are written under their panels: every one if there is room, else every second,
 * third ...; always the current and the last, and none so near to them that they would touch.
 * @param {number} nStates
 * @param {number} current
 * @param {number} pitch
 * @param {number} wordWidth  room one state's name needs, px
 */
export function labelledStates(nStates, current, pitch, wordWidth = 44) {
  const step = Math.max(1, Math.ceil(wordWidth / pitch));
  const last = nStates - 1;
  /** @param {number} a @param {number} b */
  const near = (a, b) => a !== b && Math.abs(a - b) < step;
  return Array.from({ length: nStates }, (_, state) => state).filter((state) => {
    if (state === current) return true;
    if (near(state, current)) return false;
    return state === last || (state % step === 0 && !near(state, last));
  });
}
