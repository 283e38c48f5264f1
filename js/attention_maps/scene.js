// What is to be seen at one moment: the choices, and everything the parts draw from them.

/** @typedef {import("./tokens.js").Tokens} Tokens */
/** @typedef {import("./tokens.js").Meta} Meta */
/** @typedef {import("./map_cache.js").What} What */
/** @typedef {import("./shades.js").Kind} Kind */

/**
 * @typedef {object} Choices  the traits that kernel and browser share
 * @property {number} layer
 * @property {number} head
 * @property {number | null} token  the pinned query
 * @property {number | null} key  the pinned key
 * @property {number | null} image  null: the mean over the images
 * @property {import("./map_cache.js").Show} show
 * @property {Kind} kind
 * @property {import("./shades.js").ScaleName} scale
 * @property {"map" | "layer" | "all"} norm
 * @property {"to" | "from"} direction
 * @property {string} sort  "layer", or a statistic
 * @property {"descending" | "ascending"} order
 * @property {string} color  "map", or a statistic
 * @property {string} error
 */

/** @typedef {{ query: number | null, key: number | null }} Pair  tokens */

/**
 * @typedef {object} Statistic
 * @property {string} name  its key
 * @property {string} label  for people
 * @property {string} unit
 * @property {string} meaning
 * @property {number | null} uniform  its value for uniform attention
 * @property {Float32Array} values  by head, layer after layer
 * @property {number} least
 * @property {number} most
 */

/**
 * @typedef {object} Focus  the map that is shown large
 * @property {import("./map_cache.js").AttentionMap} map
 * @property {import("./shades.js").Scale} scale
 * @property {Uint32Array} colors  of its codes
 * @property {Uint32Array} laid  the same, laid over the image
 * @property {string} name  says which map it is
 */

/**
 * @typedef {object} Picture  of the image chosen
 * @property {import("../lib/grounds.js").Grounds} grounds
 * @property {(layer: number, position: number) => { label: import("../lib/labels.js").Label, probability: number } | null} answer  the lens's
 */

/**
 * @typedef {object} Data  what the kernel has sent and may send anew
 * @property {import("./map_cache.js").Overview} overview
 * @property {Statistic[]} statistics
 * @property {Picture} picture
 */

/**
 * @typedef {object} Moment  what the reader does now, and on what page
 * @property {Pair} passing  under the pointer or the keyboard's focus
 * @property {{ sheet: import("./viewport.js").Sheet, view: import("./viewport.js").View } | null} look  a part of the map; null: the whole
 * @property {boolean} unfolded  all statistics are listed
 * @property {boolean} neuronsOpen
 * @property {number} arrivals  changes when something has come from the kernel
 * @property {number} width  of the widget, px
 * @property {boolean} dark
 * @property {number} ratio  device pixels per CSS pixel
 */

/**
 * @typedef {object} Composed  what follows from choices, data and moment
 * @property {Choices} choices
 * @property {Meta} meta
 * @property {Tokens} tokens
 * @property {What} what  the map chosen, which may still be on its way
 * @property {Focus | null} focus  the map shown; null: none, where the one chosen is not here and nobody can make it
 * @property {boolean} isStale  the map shown is not the one chosen
 * @property {number[]} order  heads, as the overview shows them
 * @property {Pair} pinned
 * @property {Pair} pair  what is looked at: what is pointed at, or else what is pinned, or else who rests there
 * @property {boolean} isResting  nothing is pointed at or pinned
 * @property {import("./map_cache.js").ExactCache} exact
 * @property {boolean} canAsk  there is a kernel for what is not here
 * @property {import("./viewport.js").Sheet} sheet
 * @property {import("./viewport.js").View} view  of the map
 * @property {Neurons | null} neurons
 * @property {import("./layout.js").Layout} layout
 */

/** @typedef {Data & Moment & Composed} Scene */

/**
 * @typedef {object} Neurons  one pair's score in its parts
 * @property {string} of  which pair of which map
 * @property {Float32Array | null} query  null while they are on their way
 * @property {Float32Array | null} key
 * @property {Float32Array | null} product
 * @property {number} scale
 * @property {number} rest
 * @property {number} score
 */

/**
 * @typedef {object} Actions  what the parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(token: number | null) => void} passToken  a patch or a chip
 * @property {(token: number) => void} pinToken
 * @property {(pair: Pair | null) => void} passCell  a cell of the map
 * @property {(pair: Pair) => void} pinCell
 * @property {(look: NonNullable<Moment["look"]>) => void} look  another part of the map
 * @property {(open: boolean) => void} openNeurons
 * @property {() => void} unfold
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
