// As much of a page as views need that are made from plain data: nodes, attributes, text, events.
// A canvas has a context that writes down what is drawn.

class SmallNode extends EventTarget {
  constructor(tag) {
    super();
    Object.assign(this, { tag, children: [], attributes: new Map(), style: {}, parent: null, hidden: false });
    this.classList = {
      contains: (name) => this.classes.has(name),
      toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name)),
    };
  }
  classes = new Set();
  get className() {
    return [...this.classes].join(" ");
  }
  set className(names) {
    this.classes = new Set(names.split(/\s+/).filter(Boolean));
  }
  setAttribute(name, value) {
    if (name === "class") this.className = value;
    this.attributes.set(name, String(value));
  }
  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }
  removeAttribute(name) {
    this.attributes.delete(name);
  }
  set tabIndex(value) {
    this.setAttribute("tabindex", value);
  }
  append(...children) {
    for (const child of children) if (child instanceof SmallNode) child.parent = this;
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = [];
    this.append(...children);
  }
  remove() {
    this.parent.children = this.parent.children.filter((child) => child !== this);
  }
  get textContent() {
    return this.children.map((child) => child.textContent ?? child).join("");
  }
  /** All nodes below that carry a class. */
  all(name) {
    return this.children.flatMap((child) => (child instanceof SmallNode ? [...(child.classes.has(name) ? [child] : []), ...child.all(name)] : []));
  }
  closest(selector) {
    const name = selector.slice(1, -1);
    return this.attributes.has(name) ? this : (this.parent?.closest(selector) ?? null);
  }
  getBoundingClientRect() {
    return { left: 0, top: 0, width: 0, height: 0 };
  }
  focus() {
    this.fire("focusin");
  }
  setPointerCapture() {}
  hasPointerCapture() {
    return true;
  }
  get dataset() {
    return Object.fromEntries([...this.attributes].filter(([name]) => name.startsWith("data-")).map(([name, value]) => [name.slice(5), value]));
  }
  getContext() {
    return (this.context ??= recorder());
  }
  /** An event that bubbles; whether its default was prevented. */
  fire(type, words = {}) {
    const event = Object.assign(new Event(type, { cancelable: true }), words);
    Object.defineProperty(event, "target", { value: this });
    let isStopped = false;
    event.stopPropagation = () => (isStopped = true);
    for (let node = this; node && !isStopped; node = node.parent) for (const heard of node.listeners[type] ?? []) heard(event);
    return event.defaultPrevented;
  }
  listeners = {};
  addEventListener(type, heard) {
    (this.listeners[type] ??= []).push(heard);
  }
}

/** Writes down each curve with the line it is stroked by. */
function recorder() {
  const strokes = [];
  let path = [];
  return {
    strokes,
    scale: () => {},
    beginPath: () => (path = []),
    moveTo: (x, y) => path.push([x, y]),
    bezierCurveTo: (...numbers) => path.push(numbers.slice(-2)),
    stroke() {
      strokes.push({ path, color: this.strokeStyle, width: this.lineWidth, opacity: this.globalAlpha });
    },
  };
}

globalThis.Node = SmallNode;
globalThis.Element = SmallNode;
globalThis.HTMLElement = SmallNode;
globalThis.document = { createElement: (tag) => new SmallNode(tag), createElementNS: (_, tag) => new SmallNode(tag) };
