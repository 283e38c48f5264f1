// The reader's own image.
import { Grounds } from "../lib/grounds.js";

export class Own {
  /** @param {Uint8Array} rgb @param {number} width @param {number} height @param {number} image  which one it is */
  constructor(rgb, width, height, image) {
    this.grounds = new Grounds(rgb, width, height);
    this.image = image;
  }
}
