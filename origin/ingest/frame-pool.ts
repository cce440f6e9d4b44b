/**
 * Raw pictures in memory that is used again. Some 40 MB of them a second pass through this process at 720p30; as garbage
 * they would take more of its time than all that is done with them.
 */

/** A raw video frame with a reference count. */
export interface RawFrame {
  readonly bytes: Uint8Array;
  /** Another one has it, until it calls `release`. */
  retain(): void;
  /** Drops a reference; with the last one the memory is reused. */
  release(): void;
}

/** Buffers kept for pictures to come. */
const MAX_FREE_BUFFERS = 64;

/** Gives memory for pictures of one size, most often. */
export class FramePool {
  #free: Uint8Array[] = [];

  /** Memory for `size` bytes, with anything in it. */
  allocate(size: number): Uint8Array {
    const free = this.#free.pop();
    return free?.length === size ? free : new Uint8Array(size);
  }

  /** `bytes`, which are from `allocate`, as a picture that the caller has. */
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

/** A picture in memory of its own. */
export function unpooledFrame(bytes: Uint8Array): RawFrame {
  return { bytes, retain: () => {}, release: () => {} };
}
