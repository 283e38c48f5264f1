// What the parts may ask for: each family in its own words, all of them meaning the same choices.
import { otherToken, pinnedBy, turned } from "../attention_maps/pins.js";
import { blockOf, stateOf } from "./run_scenes.js";

/** @typedef {import("./scene.js").Choices} Choices */

const NOTHING = { query: null, key: null };

/**
 * @param {import("./view.js").ExplorerView} view
 * @param {import("../infill_strip/painting.js").Meta | null} infillMeta
 * @returns {import("./assembly.js").Families}
 */
export function actionsOf(view, infillMeta) {
  const choose = (/** @type {Partial<Choices>} */ change) => view.choose(change);
  const pass = (/** @type {number | null} */ token) => passToken(view, token);
  const play = () => view.player.toggle();
  return {
    own: {
      choose,
      switchHead: (layer, head) => {
        view.forget();
        view.requests.switchHead(layer, head);
      },
      switchAllOn: () => view.requests.want([]),
      open: (file) => {
        view.forget();
        void view.requests.opening.open(file);
      },
      play,
      fold: () => view.set({ folded: !view.moment.folded }),
    },
    grid: {
      choose: ({ state: _state, error: _error, ...change }) => choose(change),
      pass,
      highlight: (highlighted) => view.set({ highlighted }),
      play,
      stop: () => view.player.stop(),
      complain: (sentence, remedies = []) => view.complain(sentence, "Error.", remedies),
    },
    attention: ofAttention(view, choose, pass),
    infill: ofInfill(view, infillMeta, choose, play),
  };
}

/** @param {import("./view.js").ExplorerView} view @param {(change: Partial<Choices>) => void} choose @param {(token: number | null) => void} pass @returns {import("../attention_maps/scene.js").Actions} */
function ofAttention(view, choose, pass) {
  const { n_layers: nLayers } = view.meta;
  return {
    choose: ({ layer: block, head, token, key, direction, sort, order, scale }) => {
      const given = Object.entries({ head, token, key, direction, sort, order, scale }).filter(([, value]) => value !== undefined);
      const state = block === undefined ? {} : { state: stateOf(block, view.choices.state, nLayers) };
      choose({ ...Object.fromEntries(given), ...state, ...turned(direction ? { direction } : {}, attentionChoices(view)) });
    },
    passToken: pass,
    pinToken: (token) => choose(pinnedBy(token, attentionChoices(view))),
    passCell: (pair) => setPassing(view, pair ?? NOTHING, pair?.key ?? null),
    pinCell: ({ query, key }) => {
      const isPinned = view.choices.token === query && view.choices.key === key;
      choose(isPinned ? { token: null, key: null } : { token: query, key });
    },
    look: (look) => view.set({ look }),
    openNeurons: () => {},
    unfold: () => view.set({ unfolded: !view.moment.unfolded }),
  };
}

/** @param {import("./view.js").ExplorerView} view @param {import("../infill_strip/painting.js").Meta | null} meta @param {(change: Partial<Choices>) => void} choose @param {() => void} play @returns {import("../infill_strip/scene.js").Actions} */
function ofInfill(view, meta, choose, play) {
  const isShared = meta?.state_names.length === view.meta.state_names.length;
  return {
    ...view.maskPointer.actions(),
    choose: ({ state, paste, reference }) => {
      const given = Object.entries({ paste, reference }).filter(([, value]) => value !== undefined);
      const ofState = state === undefined ? {} : isShared ? { state } : { infill_state: state };
      choose({ ...Object.fromEntries(given), ...ofState });
    },
    pass: (patch, state = null) => {
      if (patch !== view.moment.patch || state !== view.moment.state) view.set({ patch, state });
    },
    wipe: () => {},
    play,
  };
}

/** As `pins.js` wants them. @param {import("./view.js").ExplorerView} view */
const attentionChoices = ({ choices, meta }) =>
  /** @type {import("../attention_maps/scene.js").Choices} */ (/** @type {unknown} */ ({ ...choices, layer: blockOf(choices.state, meta.n_layers) }));

/** A token pointed at, in any view: looked at itself, and as what the pinned one attends to. @param {import("./view.js").ExplorerView} view @param {number | null} token */
function passToken(view, token) {
  const isToken = token !== null && view.tokens.position(token) !== null;
  setPassing(view, isToken ? otherToken(token, attentionChoices(view)) : NOTHING, token);
}

/** @param {import("./view.js").ExplorerView} view @param {import("../attention_maps/scene.js").Pair} passing @param {number | null} pointed */
function setPassing(view, passing, pointed) {
  const last = view.moment;
  if (passing.query === last.passing.query && passing.key === last.passing.key && pointed === last.pointed) return;
  view.set({ passing, pointed });
}
