// Bytes from the kernel as typed arrays. They arrive as a DataView into a message whose other
// contents may leave it at an odd address, so wider numbers are copied to an aligned place first.

/**
 * @param {DataView | undefined} view
 * @returns {ArrayBuffer} a copy of its own, empty when nothing was sent
 */
function copied(view) {
  if (!view) return new ArrayBuffer(0);
  const bytes = new Uint8Array(view.byteLength);
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return bytes.buffer;
}

/** @param {DataView | undefined} view */
export const asFloat32 = (view) => new Float32Array(copied(view));

/** @param {DataView | undefined} view */
export const asInt32 = (view) => new Int32Array(copied(view));

/** @param {DataView | undefined} view */
export const asUint8 = (view) => new Uint8Array(copied(view));

/**
 * @param {DataView | undefined} view
 * @param {number} bytes  size of one index, 2 or 4
 */
export const asIds = (view, bytes) =>
  bytes === 2 ? new Int16Array(copied(view)) : new Int32Array(copied(view));
