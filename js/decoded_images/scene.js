// What is to be seen at one moment: the choices, and everything the parts draw from them.

/**
 * @typedef {object} Meta  names and sizes, as the kernel describes them
 * @property {string} model_name
 * @property {string} decoder_name
 * @property {string} judge_name  "" where nobody names pictures
 * @property {"readout" | "tokens"} reads
 * @property {string} readout_name
 * @property {string[]} state_names
 * @property {number} n_layers
 * @property {number} n_heads  0 where states alone are painted
 * @property {number} n_images
 * @property {number} rows
 * @property {number} cols
 * @property {number[]} seeds
 * @property {Strength} strength  of the small pictures
 * @property {"frozen" | "rerun"} mode
 * @property {[height: number, width: number]} size  of a picture
 * @property {[height: number, width: number]} state_size  as it is sent
 * @property {[height: number, width: number]} head_size
 * @property {[height: number, width: number]} input_size
 * @property {string} caption
 * @property {import("../lib/image_control.js").Small | null} [small]  pictures of all images, where they are few
 */

/** What a contribution is multiplied by. @typedef {number | "alone"} Strength */

/**
 * @typedef {object} Choices  the traits that kernel and browser share
 * @property {number} state
 * @property {number} layer
 * @property {number} head
 * @property {"head" | "mlp" | "state"} show
 * @property {number} seed  its place among the seeds
 * @property {Strength} strength
 * @property {"layer" | "similarity" | "ablation"} sort
 * @property {number} image
 * @property {string} error
 */

/**
 * @typedef {object} Picture  with its numbers
 * @property {Uint8Array} rgb
 * @property {number} width
 * @property {number} height
 * @property {number} similarity
 * @property {number} before  of what was decoded itself; NaN where tokens were
 * @property {Named | null} named
 */

/** @typedef {{ name: string, emoji: string, chance: number }} Named */

/** A state, or a component; its column is the head, or their number for the MLP, or -1 for a state. @typedef {{ layer: number, column: number }} Place */

/** @typedef {Place & { seed: number }} Spot  a place in the table that can be pointed at */

/** @typedef {"own" | "other image" | "random"} Kind */

/** @typedef {Place & { image: number, kind: Kind, seed: number, strength: Strength }} Asked  which single picture */

/**
 * @typedef {object} Moment  what the reader does now, and on what page
 * @property {Spot | null} pointed
 * @property {number} wipe  0..1, how much of the input is seen
 * @property {Strength | null} sliding  the strength under the slider's knob, before it is let go
 * @property {boolean} isStopped
 * @property {number} width  of the widget, px
 * @property {boolean} dark
 * @property {number} ratio  device pixels per CSS pixel
 */

/**
 * @typedef {object} Composed  what follows from choices, data and moment
 * @property {Choices} choices
 * @property {Meta} meta
 * @property {import("./made.js").Made} made
 * @property {Place} chosen  what stands large
 * @property {Place} component  the head or MLP whose nulls and strengths are shown
 * @property {(asked: Partial<Asked>) => Picture | null} single  of the chosen component, unless it says otherwise; null where it is not here
 * @property {number} singles  changes when one has come
 * @property {boolean} canAsk  there is a kernel for what is not here
 * @property {string} progress
 * @property {import("./layout.js").Layout} layout
 */

/** @typedef {Moment & Composed} Scene */

/**
 * @typedef {object} Actions  what the parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(place: Place, seed?: number) => void} look  shows a place large
 * @property {(change: Partial<Moment>) => void} set
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
