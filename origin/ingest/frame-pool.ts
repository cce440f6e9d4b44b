/**
 * Raw pictures in reused memory. Some 40 MB/s pass through this process at 720p30; garbage collection of them
 * would take more time than their processing.
 */

/** A raw video frame with a reference count. */
export interface RawFrame {
  readonly bytes: Uint8Array;
  /** Adds a reference, for another `release`. */
  retain(): void;
  /** Drops a reference; with the last one the memory is reused. */
  release(): void;
}

/** Free buffers kept for reuse. */
const MAX_FREE_BUFFERS = 64;

/** Allocates memory for pictures, usually of one size. */
export class FramePool {
  #free: Uint8Array[] = [];

  /** Memory of `size` bytes with arbitrary content. */
  allocate(size: number): Uint8Array {
    const free = this.#free.pop();
    return free?.length === size ? free : new Uint8Array(size);
  }

  /** `bytes`, which are from `allocate`, as a picture owned by the caller. */
  wrap(bytes: Uint8Array): RawFrame {
    let owners = 1;
    return {
      bytes,
      retain: () => {
        owners += 1;
      },
      release: () => {
        owners -= 1;
        if (owners === 0 && this.#free.length < MAX_FREE_BUFFERS) this.#free.push(bytes);
      },
    };
  }
}

/** A picture in its own memory. */
export function unpooledFrame(bytes: Uint8Array): RawFrame {
  return { bytes, retain: () => {}, release: () => {} };
}
