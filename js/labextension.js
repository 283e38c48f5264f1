// For JupyterLab and Notebook 7. A saved notebook holds a widget's picture, but not the widget: when
// it is opened again, Jupyter finds no such model and writes an error in the widget's place. Here
// the picture is put there instead, until the cell is run again.
//
// Jupyter loads extensions as modules of a federation, whose container is an object of two methods;
// this one needs nothing that others share.

const VIEW = "application/vnd.jupyter.widget-view+json";
const PICTURE = "image/png";

/** In the metadata of this package's outputs, and of no other's: _repr_mimebundle_ writes it. */
const OURS = "vitlens_widgets";

const NOTE = "A picture of what the widget showed; run its cell to use it.";

/** A widget that takes longer than this is stood for by its picture meanwhile. */
const PATIENCE_MS = 500;

/** What Jupyter writes in the place of a widget that it waits for, or that is gone. */
const NO_WIDGET = /^(Loading widget|Error displaying widget: model not found)/;

/** @typedef {Record<string, unknown>} Named */
/** @typedef {{ data: Named, metadata: Named }} Output  one output in all its forms */
/** @typedef {{ node: HTMLElement, renderModel: (output: Output) => Promise<void> }} Renderer */
/** @typedef {{ createRenderer: (type: string, ...rest: unknown[]) => Renderer }} Registry */
/** @typedef {{ content: { rendermime: Registry } }} Panel */
/** @typedef {{ docRegistry: { addWidgetExtension: (name: string, extension: object) => unknown } }} App */

/** Whether a widget is drawn there, not words or the picture in its stead. @param {HTMLElement} node */
const isLiving = ({ textContent }) => textContent !== NOTE && !NO_WIDGET.test(textContent ?? "");

/**
 * Puts the picture of a widget where nothing else is.
 * @param {HTMLElement} node
 * @param {Output} output
 */
function showPicture(node, { data }) {
  if (!NO_WIDGET.test(node.textContent ?? "")) return;
  const picture = document.createElement("img");
  picture.src = `data:${PICTURE};base64,${String(data[PICTURE]).trim()}`;
  picture.alt = String(data["text/plain"] ?? "");
  picture.style.cssText = "display:block;max-width:100%";
  const note = document.createElement("small");
  note.textContent = NOTE;
  node.classList.remove("jupyter-widgets");
  node.replaceChildren(picture, note);
}

/**
 * Makes a renderer of widgets fall back on the picture that is saved with them.
 * @param {Renderer} renderer
 */
function withPicture(renderer) {
  const render = renderer.renderModel.bind(renderer);
  let living = ""; // the widget that is drawn here
  let pictured = ""; // the widget whose picture was: looked for once more, it is not waited for
  renderer.renderModel = async (output) => {
    if (output.metadata[OURS] === undefined) return render(output);
    const view = JSON.stringify(output.data[VIEW]);
    if (view === living) return undefined; // all that is new is the picture, for when it will be gone
    const draw = async () => {
      await render(output);
      living = isLiving(renderer.node) ? view : "";
    };
    if (output.data[PICTURE] === undefined) return draw();
    const show = () => {
      showPicture(renderer.node, output);
      pictured = isLiving(renderer.node) ? "" : view;
    };
    const waiting = setTimeout(show, PATIENCE_MS);
    const drawing = draw();
    if (pictured === view) show();
    await drawing;
    clearTimeout(waiting);
    show();
  };
  return renderer;
}

/** A notebook's own registry is changed, and no other's. @param {Panel} panel */
function createNew({ content: { rendermime } }) {
  const create = rendermime.createRenderer.bind(rendermime);
  rendermime.createRenderer = (type, ...rest) => {
    const renderer = create(type, ...rest);
    return type === VIEW ? withPicture(renderer) : renderer;
  };
}

const plugin = {
  id: "vitlens_widgets:pictures",
  description: "Shows the saved picture of a widget that is gone.",
  autoStart: true,
  /** @param {App} app */
  activate: (app) => void app.docRegistry.addWidgetExtension("Notebook", { createNew }),
};

const jupyter = /** @type {{ _JUPYTERLAB?: Record<string, object> }} */ (globalThis);
jupyter._JUPYTERLAB ??= {};
jupyter._JUPYTERLAB["vitlens_widgets"] = {
  init: () => undefined,
  get: async () => () => ({ __esModule: true, default: plugin }),
};
