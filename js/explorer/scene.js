// What is to be seen at one moment: the choices, and the scene that each family of parts is drawn
// from.

/**
 * @typedef {object} Choices  the traits that kernel and browser share, the mask aside
 * @property {number} state
 * @property {number | null} token  the pinned token, the query
 * @property {number | null} key
 * @property {number} head
 * @property {number} target  a class
 * @property {[layer: number, head: number][]} knocked_out
 * @property {"edited" | "baseline" | "difference"} run
 * @property {import("../patch_grid/scene.js").Glyph} glyph
 * @property {import("../patch_grid/tints.js").TintName} tint
 * @property {"to" | "from"} direction
 * @property {import("../attention_maps/shades.js").ScaleName} scale
 * @property {string} sort
 * @property {"descending" | "ascending"} order
 * @property {string[]} prompts  what a model of images and texts is asked
 * @property {string} [lens]  the one that is shown
 * @property {string | null} [beside]  the one it is compared with
 * @property {boolean} [difference]  whether colours say how far it is from that
 * @property {number} infill_state
 * @property {number} mask_ratio
 * @property {number} seed
 * @property {boolean} paste
 * @property {"original" | "final"} reference
 * @property {string} error
 */

/** @typedef {import("../patch_grid/reading.js").Meta & import("../attention_maps/tokens.js").Meta} Meta */

/**
 * @typedef {object} Run  one run of the model
 * @property {import("../patch_grid/reading.js").Reading} reading
 * @property {import("../patch_grid/reading.js").TargetColumns} columns
 * @property {import("../attention_maps/map_cache.js").Overview} overview
 * @property {import("../attention_maps/scene.js").Statistic[]} statistics
 */

/**
 * @typedef {object} Data  what the kernel sent
 * @property {Run} baseline
 * @property {Run | null} edited  null while no head is off
 * @property {boolean} areMapsOld  the edited run's attention is still on its way
 * @property {[number, number][]} without  the heads that the edited run is without
 * @property {Float32Array} divergence  KL of the edited answers from the baseline ones
 * @property {import("../lib/grounds.js").Grounds} grounds
 * @property {import("../infill_strip/scene.js").Data | null} infill
 * @property {{ name: string, data: Data }[]} every  of all lenses; none where there is but one
 */

/**
 * @typedef {object} Moment  what the reader does now
 * @property {import("../attention_maps/scene.js").Pair} passing  query and key under the pointer or the keyboard's focus
 * @property {number | null} pointed  the token pointed at, whatever its role
 * @property {number | null} highlighted  the class whose patches stand out
 * @property {import("../attention_maps/scene.js").Moment["look"]} look
 * @property {boolean} unfolded  all statistics are listed
 * @property {boolean} folded  the infilling's rows are
 * @property {number | null} patch  of the infilling, pointed at
 * @property {number | null} state  of the infilling, pointed at
 * @property {number} arrivals
 */

/**
 * @typedef {object} Page  what the explorer's own parts are drawn from
 * @property {Choices} choices
 * @property {Meta} meta
 * @property {Data} data
 * @property {Run} shown  the run shown
 * @property {number} block  whose attention goes with the state
 * @property {boolean} isEdited  the shown answers are the edited run's
 * @property {[number, number][]} requested  the heads that are off, or will be when the kernel has answered
 * @property {boolean} canAsk  there is a kernel
 * @property {boolean} playing
 * @property {boolean} folded
 * @property {boolean} dark
 * @property {number} ratio
 * @property {import("./layout.js").Layout} layout
 * @property {import("./layout.js").Axis} axis
 * @property {import("./layout.js").Axis} infillAxis
 * @property {number} infillState  the state infilled from
 */

/**
 * @typedef {object} Scenes
 * @property {Page} page
 * @property {import("../patch_grid/scene.js").Scene} grid
 * @property {import("../attention_maps/scene.js").Scene} attention
 * @property {import("../infill_strip/scene.js").Scene | null} infill
 */

/**
 * @typedef {object} Actions  what the explorer's own parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(layer: number, head: number) => void} switchHead  off, or on again
 * @property {() => void} switchAllOn
 * @property {(file: Blob & { name?: string }) => void} open
 * @property {() => void} play
 * @property {() => void} fold
 */

/** @typedef {{ node: HTMLElement, update: (scenes: Scenes) => void }} Part */

export {};
