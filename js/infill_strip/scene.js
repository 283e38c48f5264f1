// What is to be seen at one moment: the choices, and everything the parts draw from them.

/** @typedef {import("./painting.js").Reference} Reference */
/** @typedef {"picture" | "error" | "wipe" | "original" | "masked"} View */

/**
 * @typedef {object} Choices  the traits that kernel and browser share, the mask aside
 * @property {number} state
 * @property {number} mask_ratio
 * @property {number} seed
 * @property {boolean} paste
 * @property {View} view
 * @property {Reference} reference
 * @property {number} image
 * @property {string} [lens]  the one that is shown
 * @property {string | null} [beside]  the one it is compared with
 * @property {string} error
 */

/**
 * @typedef {object} Data  what the kernel sent
 * @property {import("./painting.js").Painting} painting
 * @property {import("./numbers.js").Numbers} numbers
 * @property {boolean} areNumbersOld  they are of an earlier painting
 * @property {Uint8Array} random  the mask that ratio and seed give
 * @property {{ name: string, mask: Uint8Array }[]} objects
 * @property {{ name: string, data: Data } | null} beside  what another lens has painted of the same
 */

/**
 * @typedef {object} Scene
 * @property {Choices} choices
 * @property {import("./painting.js").Meta} meta
 * @property {Data} data
 * @property {Uint8Array} mask  as the reader has it now; what is painted may lag behind
 * @property {boolean} canAsk  there is a kernel to infill
 * @property {number | null} patch  pointed at, or with the keyboard's focus
 * @property {number | null} passing  the state pointed at
 * @property {number} wipe  0..1, how much of the large view shows the picture
 * @property {boolean} playing
 * @property {boolean} dark
 * @property {number} ratio  device pixels per CSS pixel
 * @property {import("./layout.js").Layout} layout
 */

/**
 * @typedef {object} Actions  what the parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(patches: number[], hide: boolean) => void} paint
 * @property {(mask: Uint8Array) => void} remask
 * @property {(change: Partial<Choices>) => void} ask  a choice that the kernel must answer
 * @property {(patch: number | null, state?: number | null) => void} pass
 * @property {(place: number) => void} wipe
 * @property {() => void} play
 * @property {() => Uint8Array} mask
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
