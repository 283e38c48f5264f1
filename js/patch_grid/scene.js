// What is to be seen at one moment: the choices, and everything the parts draw from them.

/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("./reading.js").TargetColumns} TargetColumns */
/** @typedef {"emoji" | "label" | "none"} Glyph */

/**
 * @typedef {object} Choices  the traits that kernel and browser share
 * @property {number} state
 * @property {number | null} token  the pinned token
 * @property {number} target  the class asked about
 * @property {number} image  which one of the batch
 * @property {Glyph} glyph
 * @property {import("./tints.js").TintName} tint
 * @property {string[]} prompts  what a model of images and texts is asked
 * @property {string} [lens]  the one that is shown
 * @property {string | null} [beside]  the one it is compared with
 * @property {boolean} [difference]  whether colours say how far it is from that
 * @property {string} error
 */

/**
 * @typedef {object} Scene
 * @property {Reading} reading
 * @property {import("../lib/grounds.js").Grounds} grounds  the picture
 * @property {(index: number) => import("./classes.js").ClassStyle} styles
 * @property {number} state
 * @property {number | null} token
 * @property {number} asked  the class chosen, whose numbers may still be on their way
 * @property {TargetColumns} columns  the class shown
 * @property {import("../lib/labels.js").Label} target  the class shown
 * @property {Glyph} glyph
 * @property {import("./runs.js").Run[]} runs  the readings by all lenses
 * @property {import("./runs.js").Run} run  the one that is shown
 * @property {import("./runs.js").Run | null} beside  the one it is compared with
 * @property {boolean} isDifference  colours say how far it is from that
 * @property {import("./tints.js").TintName} tint
 * @property {import("./tints.js").TintName} quantity  the one that was chosen, also where a difference of it is shown
 * @property {import("./tints.js").Scale | null} scale
 * @property {(run: import("./runs.js").Run) => import("./tints.js").Scale | null} scaleFor  that of another lens, to be compared with it
 * @property {string[]} prompts  what is asked, the answer to which may still be on its way
 * @property {string} error
 * @property {number} image  the one chosen, which may still be on its way
 * @property {import("../lib/image_control.js").Small | null} small  pictures of all images, where they are few
 * @property {boolean} canAsk  there is a kernel for what is not here
 * @property {number | null} passing  the token under the pointer or the keyboard's focus
 * @property {number | null} highlight  the class whose patches are to stand out
 * @property {((state: number, token: number) => boolean) | null} [changed]  which answers an edit has changed
 * @property {boolean} playing
 * @property {boolean} dark
 * @property {number} ratio  device pixels per CSS pixel
 * @property {import("./layout.js").Layout} layout
 */

/**
 * @typedef {object} Actions  what the parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(token: number | null) => void} pass
 * @property {(index: number | null) => void} highlight
 * @property {() => void} play
 * @property {() => void} stop
 * @property {(sentence: string, remedies?: { text: string, run: () => void }[]) => void} complain
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
