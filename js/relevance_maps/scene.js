// What is to be seen at one moment: the choices, and everything the parts draw from them.

/** @typedef {import("../attention_maps/tokens.js").Tokens} Tokens */
/** @typedef {import("./maps.js").Maps} Maps */
/** @typedef {import("./maps.js").What} What */
/** @typedef {import("./curves.js").Curves} Curves */

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
 * @property {string} caption
 * @property {import("../lib/image_control.js").Small | null} [small]  pictures of all images, where they are few
 */

/**
 * @typedef {object} Asked  the choices that the model answers
 * @property {number | null} target  null of a model without classes
 * @property {number | null} against
 * @property {string} method
 * @property {number} image
 */

/**
 * @typedef {object} Looks  the other choices
 * @property {number} layer
 * @property {number} head
 * @property {number | null} token  the pinned one
 * @property {"all" | "layer" | "head"} show
 * @property {import("./shades.js").ScaleName} scale
 * @property {"all" | "layer" | "map"} norm
 * @property {boolean} shared
 * @property {"target" | "against" | "difference"} heads_of
 * @property {string} error
 */

/** @typedef {Asked & Looks} Choices  the traits that kernel and browser share */

/** Whose map: the first class, the second, or their difference. @typedef {0 | 1 | "difference"} Whose */

/** @typedef {{ of: 0 | 1, kind: import("./curves.js").Kind, point: number }} Removal  a point of a curve */

/**
 * @typedef {object} Data  what the kernel has sent and may send anew
 * @property {Maps} maps
 * @property {Curves} curves
 * @property {import("./classes.js").Classes} classes
 * @property {import("../lib/grounds.js").Grounds} grounds  the image
 * @property {Record<string, string>} methods - their labels by their names
 */

/**
 * @typedef {object} Moment  what the reader does now, and on what page
 * @property {number | null} passing  the token under the pointer or the keyboard's focus
 * @property {Removal | null} removal  the point of a curve that is looked at
 * @property {number} width  of the widget, px
 * @property {boolean} dark
 * @property {number} ratio  device pixels per CSS pixel
 */

/**
 * @typedef {object} Composed  what follows from choices, data and moment
 * @property {Choices} choices
 * @property {Asked} asked  what is chosen, or on a page without a kernel what is there
 * @property {Meta} meta
 * @property {Tokens} tokens
 * @property {What} what  which map stands large
 * @property {Whose[]} whose  maps that stand large
 * @property {Whose} heads  whose heads the overview shows
 * @property {number | null} token  what is pointed at, or else what is pinned
 * @property {boolean} canAsk  there is a kernel for what is not here
 * @property {(whose: Whose, what: What) => import("./shades.js").Scale} scaleOf
 * @property {import("./layout.js").Layout} layout
 */

/** @typedef {Data & Moment & Composed} Scene */

/**
 * @typedef {object} Actions  what the parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(token: number | null) => void} pass
 * @property {(token: number) => void} pin
 * @property {(removal: Removal | null) => void} passRemoval
 * @property {(removal: Removal) => void} holdRemoval
 * @property {(removal: Removal | null) => void} pinRemoval  as `holdRemoval`; what is held already is let go
 * @property {(sentence: string, remedies?: import("../lib/error_strip.js").Remedy[]) => void} complain
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
