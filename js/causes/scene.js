// What is to be seen at one moment: the choices, what the kernel has sent, and what the reader does.

/** @typedef {import("./places.js").Place} Place */
/** @typedef {import("./places.js").Row} Row */
/** @typedef {import("../attention_maps/tokens.js").Tokens} Tokens */

/**
 * @typedef {object} Meta  names and sizes, as the kernel describes them
 * @property {string} model_name
 * @property {number} n_layers
 * @property {number} n_heads
 * @property {number} n_images
 * @property {string[]} prefix
 * @property {number} rows
 * @property {number} cols
 * @property {number[]} tokens  by position
 * @property {("attention" | "mlp")[]} rows_beside  what a block has beside its heads
 * @property {string} readout  what the classifier reads
 * @property {string} probability_kind
 * @property {[string, string]} names  of the two images of a pair
 * @property {string} caption
 * @property {Cover[]} covers  what patches of one image alone can be covered by; none of a pair
 * @property {import("../lib/image_control.js").Small | null} [small]  pictures of all pairs, where they are few
 */

/** @typedef {"grey" | "blur" | "noise" | "average"} Cover */

/** @typedef {"effect" | "looks" | "cover"} View */

/** @typedef {"corrupted" | "mean" | "zero"} Outside */

/** @typedef {"threshold" | "greedy"} Method  how a circuit is found */

/** The kernel looks for a circuit, or is to end that. @typedef {"" | Method | "stopping"} Searching */

/**
 * @typedef {object} Choices  the traits that kernel and browser share
 * @property {number} target
 * @property {number | null} against
 * @property {number} image
 * @property {"noising" | "denoising"} direction
 * @property {"output" | "q" | "k" | "v" | "pattern"} values
 * @property {number} layer
 * @property {number} head
 * @property {"head" | "attention" | "mlp"} part
 * @property {number | null} token  the pinned one
 * @property {Place[]} exchanged
 * @property {Outside} outside  what runs outside of the circuit
 * @property {Cover | ""} cover  "" of a pair
 * @property {number[]} covered  tokens of patches
 * @property {string} error
 */

/**
 * @typedef {object} Progress
 * @property {[done: number, of: number]} parts
 * @property {[done: number, of: number]} tokens  of the state that is chosen
 * @property {number} left  sets of places that are to be exchanged yet
 * @property {boolean} was_interrupted
 */

/** @typedef {[metric: number | null, top: number | null, probability: number | null, target: number | null, against: number | null]} Alone */

/**
 * @typedef {object} Exchange  the list as the kernel knows it
 * @property {Place[]} places
 * @property {Alone[]} alone
 * @property {{ metric: number, top: number, probability: number, classes: number[], after: number[] } | null} together
 */

/**
 * @typedef {object} Data  what the kernel has sent, decoded
 * @property {import("../relevance_maps/classes.js").Classes} classes
 * @property {import("./pair.js").Pair} pair
 * @property {import("./effects.js").Effects} effects
 * @property {Progress} progress
 * @property {Exchange} exchange
 * @property {Uint8Array} reads  `[place, position]`: where each place of the list looks
 * @property {{ refused: string, logits: Float32Array[], direct: Float32Array }} writes  what the readout adds up, of the target and the other class, after each half block; and what each part adds to their difference, `[layer, row]`
 * @property {import("./found.js").Found | null} circuit  null until one was looked for
 * @property {{ layer: number, head: number, values: Float32Array }} looks  where the chosen head looks, by position
 */

/** What is pointed at; a step of what the readout adds up. @typedef {{ row: Row, layer: number } | { token: number } | { step: number } | null} Passing */

/**
 * @typedef {object} Moment  what the reader does now, and on what page
 * @property {Passing} passing
 * @property {View} view  what the large picture shows
 * @property {Searching} searching
 * @property {boolean} playing
 * @property {boolean} dark
 * @property {number} ratio  device pixels per CSS pixel
 * @property {boolean} canAsk  there is a kernel
 */

/**
 * @typedef {object} Composed
 * @property {Choices} choices
 * @property {Choices} asked  what is chosen, or on a page without a kernel what is there
 * @property {Meta} meta
 * @property {Tokens} tokens
 * @property {Row[]} rows  of the map of parts
 * @property {Row} row  that is chosen
 * @property {import("./layout.js").Layout} layout
 * @property {import("./columns.js").Columns} columns
 */

/** @typedef {Data & Moment & Composed} Scene */

/**
 * @typedef {object} Actions  what the parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(passing: Passing) => void} pass
 * @property {(row: Row, layer: number) => void} press  a click on a cell or node: chooses it, and again exchanges it
 * @property {(token: number) => void} pressToken
 * @property {(place: Place) => void} exchange  adds a place to the list, or takes it out
 * @property {(place: Place) => void} remove
 * @property {(tokens: number[]) => void} cover  covers these patches of the other image, and no others
 * @property {(view: View) => void} show
 * @property {(method: Method) => void} findCircuit
 * @property {() => void} stopFinding
 * @property {() => void} play
 * @property {(sentence: string, remedies?: import("../lib/error_strip.js").Remedy[]) => void} complain
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
