import assert from "node:assert/strict";
import { test } from "node:test";
import "../labextension.js";

const VIEW = "application/vnd.jupyter.widget-view+json";
const MISSING = "Error displaying widget: model not found";
const DATA = { [VIEW]: {}, "image/png": "AAAA", "text/plain": "Widget()" };
const OUTPUT = { data: DATA, metadata: { vitlens_widgets: {} } };
const UNPICTURED = { data: { [VIEW]: {} }, metadata: { vitlens_widgets: {} } };

globalThis.document = { createElement: (tag) => ({ tag, style: {}, textContent: "" }) };

/** As much of an element as is used here. */
class Node {
  classList = { remove: () => {} };
  #text = "";
  children = [];
  get textContent() {
    return this.#text || this.children.map((child) => child.textContent).join("");
  }
  set textContent(text) {
    this.#text = text;
    this.children = [];
  }
  replaceChildren(...children) {
    this.textContent = "";
    this.children = children;
  }
}

/** A registry of renderers that do `work` with their node, as the extension leaves it. */
async function registryOf(work) {
  const factory = await globalThis._JUPYTERLAB.vitlens_widgets.get("./extension");
  let extension;
  const addWidgetExtension = (name, given) => (extension = name === "Notebook" ? given : undefined);
  factory().default.activate({ docRegistry: { addWidgetExtension } });
  const rendermime = {
    createRenderer() {
      const node = new Node();
      return { node, renderModel: (output) => work(node, output) };
    },
  };
  extension.createNew({ content: { rendermime } });
  return rendermime;
}

const tags = (node) => node.children.map((child) => child.tag);

test("the picture stands where a model is gone, described by the widget's text", async () => {
  const registry = await registryOf(async (node) => void (node.textContent = MISSING));
  const renderer = registry.createRenderer(VIEW);
  await renderer.renderModel(OUTPUT);
  assert.deepEqual(tags(renderer.node), ["img", "small"]);
  assert.equal(renderer.node.children[0].src, "data:image/png;base64,AAAA");
  assert.equal(renderer.node.children[0].alt, "Widget()");
});

test("a live widget, another error, and an output without a picture stay what they are", async () => {
  for (const [text, output] of [["", OUTPUT], ["Error displaying widget", OUTPUT], [MISSING, UNPICTURED]]) {
    const registry = await registryOf(async (node) => void (node.textContent = text));
    const renderer = registry.createRenderer(VIEW);
    await renderer.renderModel(output);
    assert.equal(renderer.node.textContent, text);
    assert.deepEqual(tags(renderer.node), []);
  }
});

test("another library's output is left alone, gone or long in coming", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  for (const text of [MISSING, "Loading widget..."]) {
    let arrive = () => {};
    const registry = await registryOf(async (node) => {
      node.textContent = text;
      await new Promise((resolve) => (arrive = resolve));
    });
    const renderer = registry.createRenderer(VIEW);
    const rendered = renderer.renderModel({ data: DATA, metadata: { [VIEW]: {} } });
    context.mock.timers.tick(60_000);
    assert.equal(renderer.node.textContent, text);
    arrive();
    await rendered;
    assert.equal(renderer.node.textContent, text);
  }
});

test("renderers of other types are not touched", async () => {
  const registry = await registryOf(async (node) => void (node.textContent = MISSING));
  const renderer = registry.createRenderer("text/html");
  await renderer.renderModel(OUTPUT);
  assert.equal(renderer.node.textContent, MISSING);
});

test("a widget that is long in coming is stood for meanwhile", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let arrive = () => {};
  const registry = await registryOf(async (node) => {
    node.textContent = "Loading widget...";
    await new Promise((resolve) => (arrive = resolve));
    node.textContent = "the widget";
  });
  const renderer = registry.createRenderer(VIEW);
  const rendered = renderer.renderModel(OUTPUT);
  context.mock.timers.tick(499);
  assert.equal(renderer.node.textContent, "Loading widget...");
  context.mock.timers.tick(1);
  assert.deepEqual(tags(renderer.node), ["img", "small"]);
  arrive();
  await rendered;
  assert.equal(renderer.node.textContent, "the widget");
});

test("a picture that stood there before Jupyter had looked for the model comes again when it has", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let arrive = () => {};
  let isRestored = false;
  const registry = await registryOf(async (node) => {
    node.textContent = "Loading widget...";
    await new Promise((resolve) => (arrive = resolve));
    if (isRestored) node.textContent = MISSING; // else Jupyter leaves all as it is, to try once more
  });
  const renderer = registry.createRenderer(VIEW);
  for (isRestored of [false, true]) {
    renderer.node.textContent = ""; // Jupyter empties it before it tries once more
    const rendered = renderer.renderModel(OUTPUT);
    assert.deepEqual(tags(renderer.node), isRestored ? ["img", "small"] : []); // without a flicker
    context.mock.timers.tick(500);
    arrive();
    await rendered;
    assert.deepEqual(tags(renderer.node), ["img", "small"]);
  }
});

test("a picture that comes after its widget does not have it drawn anew, unless it is gone", async () => {
  for (const [text, times] of [["the widget", 1], [MISSING, 2]]) {
    let drawn = 0;
    const registry = await registryOf(async (node) => {
      drawn += 1;
      node.textContent = text;
    });
    const renderer = registry.createRenderer(VIEW);
    await renderer.renderModel({ ...OUTPUT, data: { ...OUTPUT.data, "image/png": undefined } });
    await renderer.renderModel(OUTPUT);
    assert.equal(drawn, times);
  }
});
