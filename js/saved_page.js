// The page that `save_html` writes, without a notebook around it. Each saved widget gets its own
// module, from a Blob URL, and a model that keeps what the reader chooses while the page is open.

/** @typedef {{ module: string, state: Record<string, unknown> }} Saved */
/** @typedef {[index: number, trait: string]} End  a widget, and its trait that is linked */
/** @typedef {{ ends: End[], depth: number }} Link  depth: blocks of the model, where states are linked with blocks */

/**
 * What a notebook hands to a widget, as far as that needs no kernel: it cannot send.
 */
class SavedModel {
  /** @param {Record<string, unknown>} state */
  constructor(state) {
    this.state = state;
    /** @type {Map<string, Set<() => void>>} */
    this.listeners = new Map();
  }

  /** @param {string} name */
  get(name) {
    return this.state[name];
  }

  /** @param {string} name @param {unknown} value */
  set(name, value) {
    if (Object.is(this.state[name], value)) return;
    this.state[name] = value;
    for (const callback of [...(this.listeners.get(`change:${name}`) ?? [])]) callback();
  }

  /** @param {string} event @param {() => void} callback */
  on(event, callback) {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
  }

  /** @param {string} event @param {() => void} callback */
  off(event, callback) {
    this.listeners.get(event)?.delete(callback);
  }

  save_changes() {}
}

/** Bytes come as base64 of their gzip. @param {string} base64 @returns {Promise<DataView>} */
async function unpacked(base64) {
  const zipped = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new DataView(await new Response(stream).arrayBuffer());
}

/** @param {any} value @returns {Promise<any>} */
async function revived(value) {
  if (value === null || typeof value !== "object") return value;
  if (value.$gzip !== undefined) return unpacked(value.$gzip);
  if (Array.isArray(value)) return Promise.all(value.map(revived));
  const entries = Object.entries(value).map(async ([name, one]) => [name, await revived(one)]);
  return Object.fromEntries(await Promise.all(entries));
}

/** @param {string} code */
async function imported(code) {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const { default: widget } = await import(address);
  URL.revokeObjectURL(address);
  return widget;
}

/**
 * What a trait is to be when another one is `value`: state k goes with block k, the final state with
 * the last block. The kernel's half is widgets/shared/meanings.py.
 * @param {unknown} value @param {string} from  the other trait @param {unknown} present @param {string} trait @param {number} depth
 */
function heard(value, from, present, trait, depth) {
  if (from === trait) return value;
  const blockOf = (/** @type {unknown} */ state) => Math.min(Number(state), depth - 1);
  if (trait === "layer") return blockOf(value);
  return blockOf(present) === value ? present : value;
}

/** A widget that has another lens keeps the one that it shows. @param {SavedModel} model @param {unknown} lens */
const hasLens = (model, lens) => /** @type {{ lenses: unknown[] }} */ (model.get("_meta")).lenses.includes(lens);

/** @param {SavedModel[]} models @param {Link} link */
function join(models, { ends, depth }) {
  let isTelling = false;
  for (const [index, from] of ends) {
    models[index]?.on(`change:${from}`, () => {
      if (isTelling) return;
      isTelling = true;
      const value = models[index]?.get(from);
      for (const [other, trait] of ends) {
        const model = models[other];
        if (!model || (trait === "lens" && !hasLens(model, value))) continue;
        if (trait === "lens" && model.get("beside") === value) model.set("beside", model.get("lens"));
        model.set(trait, heard(value, from, model.get(trait), trait, depth));
      }
      isTelling = false;
    });
  }
}

async function show() {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  /** @type {{ modules: Record<string, string>, widgets: Saved[], links: Link[] }} */
  const { modules, widgets, links } = JSON.parse(document.getElementById("saved")?.textContent ?? "");
  const models = await Promise.all(widgets.map(async ({ state }) => new SavedModel(await revived(state))));
  for (const link of links) join(models, link);
  for (const [i, { module }] of widgets.entries()) {
    const el = document.createElement("div");
    main.append(el);
    const widget = await imported(modules[module] ?? "");
    await widget.initialize?.({ model: models[i] });
    await widget.render({ model: models[i], el });
  }
}

show().catch((error) => {
  const line = document.createElement("p");
  line.setAttribute("role", "alert");
  line.textContent = `This page could not be shown: ${error instanceof Error ? error.message : error}. It needs a browser of 2024 or later.`;
  document.querySelector("main")?.append(line);
});
