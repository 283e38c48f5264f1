// What a notebook, or a saved page in its place, hands to a widget's entry.

/**
 * @typedef {object} Model  the widget's traits
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {((content: unknown) => void) | undefined} [send]  a saved page has none
 * @property {(events: string, callback: (...words: any[]) => void) => void} on
 * @property {(events: string, callback: (...words: any[]) => void) => void} off
 */

export {};
