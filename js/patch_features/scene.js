// What is to be seen at one moment: the choices, what the kernel has sent, and what the reader does.

/**
 * @typedef {object} Meta  names and sizes, as the kernel describes them
 * @property {string} model_name
 * @property {string[]} state_names
 * @property {string[]} prefix
 * @property {number[]} tokens  those of the layout that were in the sequence
 * @property {number} rows
 * @property {number} cols
 * @property {number} height
 * @property {number} width
 * @property {[height: number, width: number]} thumb  of a small picture
 * @property {number} n_images
 * @property {string} caption
 * @property {boolean} has_classifier  of its own
 * @property {"prototypes" | "logistic"} method  how classes are made of examples
 */

/**
 * @typedef {object} Choices  the traits that kernel and browser share
 * @property {number} image
 * @property {number} state
 * @property {number | null} token  the pinned token
 * @property {"look" | "teach"} mode
 * @property {"components" | "foreground" | "groups"} colours
 * @property {number} n_groups
 * @property {number} seed  of the groups
 * @property {"batch" | "image"} basis
 * @property {"image" | "flat"} similarity
 * @property {"state" | "final"} examples_from
 * @property {"class" | "certainty"} tint
 * @property {"emoji" | "none"} names
 * @property {string} error
 */

/**
 * @typedef {object} Data  what the kernel has sent, decoded
 * @property {Meta} meta
 * @property {import("./pictures.js").Pictures} pictures
 * @property {import("./components.js").Components} components
 * @property {import("./groups.js").Groups | null} groups  null until they are asked for
 * @property {import("./similar.js").Similar | null} similar  null until a token is pinned
 * @property {import("./taught.js").Taught} taught
 */

/**
 * @typedef {object} Scene
 * @property {Choices} choices
 * @property {Data} data
 * @property {import("../lib/grounds.js").Grounds} grounds  the picture shown
 * @property {import("./layout.js").Layout} layout
 * @property {number | null} passing  the token under the pointer or the keyboard's focus
 * @property {string | null} active  the class that a click teaches
 * @property {{ image: number, token: number } | null} pending  a patch that waits for the name of its class
 * @property {string | null} renamed  the class whose name is being changed
 * @property {boolean} canAsk  there is a kernel
 * @property {boolean} playing
 * @property {boolean} dark
 * @property {number} ratio  device pixels per CSS pixel
 */

/** @typedef {{ do: "add" | "remove" | "rename" | "drop" | "undo" | "redo", name?: string, to?: string, image?: number, token?: number }} Lesson */

/**
 * @typedef {object} Actions  what the parts may ask for
 * @property {(change: Partial<Choices>) => void} choose
 * @property {(token: number | null) => void} pass
 * @property {(token: number) => void} press  a click on a patch, or Enter
 * @property {(lesson: Lesson) => void} teach
 * @property {(name: string | null) => void} activate
 * @property {(name: string | null) => void} rename  begins to, or ends
 * @property {() => void} leaveOut  each click in every state
 * @property {() => void} play
 * @property {(file: Blob & { name?: string }) => void} open  another image
 * @property {(sentence: string) => void} complain
 */

/** @typedef {{ node: HTMLElement, update: (scene: Scene) => void }} Part */

export {};
