// The pictures: the one that is shown as the model saw it, all of them small.
import { Grounds } from "../lib/grounds.js";
import { Remembered } from "../lib/remembered.js";

export class Pictures {
  /**
   * @param {import("./scene.js").Meta} meta
   * @param {Uint8Array} small  [image, height, width, 3]
   * @param {{ of: number, rgb: Uint8Array }} large  the picture that was sent whole
   */
  constructor(meta, small, large) {
    this.meta = meta;
    this.small = small;
    this.large = large;
    this.known = new Remembered();
  }

  /** The whole picture; while it is on its way, the small one. @param {number} image */
  grounds(image) {
    const { meta, large } = this;
    if (image !== large.of) return this.thumb(image);
    return this.known.get("large", [image], () => new Grounds(large.rgb, meta.width, meta.height));
  }

  /** @param {number} image */
  thumb(image) {
    const [height, width] = this.meta.thumb;
    const size = 3 * height * width;
    return this.known.get(`small ${image}`, [], () => new Grounds(this.small.subarray(image * size, (image + 1) * size), width, height));
  }
}
