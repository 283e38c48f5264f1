// What is to be seen at one moment: the choices, and everything the parts draw from them.

/**
 * @typedef {object} Meta  names and sizes, as the kernel describes them
 * @property {string} model_name
 * @property {string} site
 * @property {"neuron" | "latent" | "channel"} kind
 * @property {number[]} layers  those that were looked at
 * @property {number} n_layers  of the model
 * @property {number} width  features of a block
 * @property {number} n_data  images of the data set
 * @property {number} n_patches  of all of them together
 * @property {number} rows
 * @property {number} cols
 * @property {string[]} prefix
 * @property {number[]} edges  of the bins of counts
 * @property {number | null} null  the best area that shuffled labels reach
 * @property {string} score  what an area is of
 * @property {boolean} has_classes
 * @property {number} n_images  own ones
 * @property {string} readout_name
 * @property {string} answers_are
 * @property {number} n_answers
 * @property {[height: number, width: number]} picture_size
 * @property {string} caption
 * @property {[height: number, width: number]} [thumb]
 * @property {import("../lib/labels.js").Label[]} labels
 * @property {import("../lib/image_control.js").Small | null} small
 */

/** @typedef {"selectivity" | "largest" | "density" | "mean" | "share"} NumberName */

/** @typedef {NumberName | "tail" | "effect"} AxisName  "tail": selectivity, areas near 1 spread; "effect": on the target, on the own image */

/**
 * @typedef {object} Choices  the traits that kernel and browser share
 * @property {number} layer
 * @property {number} feature
 * @property {number | null} token
 * @property {number} image
 * @property {number | null} target
 * @property {number} strength
 * @property {NumberName | "effect" | "here"} sort
 * @property {AxisName} up
 * @property {AxisName} across
 * @property {"spotlight" | "heat" | "plain"} pictures
 * @property {string} error
 */

/** @typedef {"sheet" | "crops" | "writes" | "readers" | "neighbours" | "partners" | "seen" | "turned" | "here" | "effect"} Kind */

/** What is looked at; -1 where that does not matter. @typedef {[kind: Kind, layer: number, feature: number, image: number, token: number, target: number]} Look */

/** What a look says: JSON, and arrays by name; `why` where there is none. @typedef {{ said: any, arrays: Record<string, any>, why: string }} Found */

/** Of the plot, 0..1 across and up. @typedef {{ left: number, right: number, low: number, high: number }} Frame */

/**
 * @typedef {object} Moment  what the reader does now
 * @property {number | null} pointed  a feature, by its number among all
 * @property {number | null} passing  a token of the own image
 * @property {number | null} value  of a patch of the strongest images that is pointed at
 * @property {string} words  which one that is
 * @property {Frame | null} frame
 * @property {number | null} only  the block that is searched
 * @property {number | null} partnersOf  the feature whose partners are asked for
 */

/**
 * @typedef {object} Composed
 * @property {Meta} meta
 * @property {Choices} choices
 * @property {import("./catalogue.js").Catalogue} catalogue
 * @property {import("./own.js").Own | null} own  the own image
 * @property {number} id  the chosen feature, among all
 * @property {import("./points.js").Points} points
 * @property {Uint32Array} found  features that are searched, or all
 * @property {Uint32Array} list  in their order
 * @property {number} at  the chosen one's place in the list, -1 if it is not there
 * @property {Float32Array | null} shares  what fires at the pinned token
 * @property {Float32Array | null} ranked  those of them that fire often enough to be compared, NaN for the others
 * @property {Found | null} effect  on the target
 * @property {(kind: Kind) => Found | null} look  of the chosen feature
 * @property {(look: Look) => Found | null} lookAt
 * @property {number} arrived  changes when a look has come
 * @property {boolean} canAsk
 * @property {import("./layout.js").Layout} layout
 * @property {number} width
 * @property {boolean} dark
 * @property {number} ratio
 */

/** @typedef {Moment & Composed} Scene */

/**
 * @typedef {object} Actions
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(id: number) => void} go  to a feature
 * @property {(change: Partial<Moment>) => void} set
 * @property {(ids: number[]) => void} rows  the list shows these
 * @property {(sentence: string, remedies: import("../lib/error_strip.js").Remedy[]) => void} complain
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
