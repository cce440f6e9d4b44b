/** What the real Worker and objects were measured to take; the scale model counts with it. */

/** Times in milliseconds of CPU of workerd, sizes in bytes. */
export interface Measurements {
  /** One answer of an isolate out of its memory: playlists and parts, half of each. */
  readonly hitMs: number;
  /** One request for a feed at an object. */
  readonly feedMs: number;
  /** Sending one part to one child of an object, whatever its size. */
  readonly childMs: number;
  /** Sending one byte of it. */
  readonly byteMs: number;
  /** From one waiting viewer's answer to the next one's, where a part wakes many. */
  readonly wakeMs: number;
  /** Resident memory for a request that waits. */
  readonly parkedBytes: number;
  /** Resident memory for a child of an object. */
  readonly childBytes: number;
}

/**
 * As `npm run model -- --calibrate` measured on one of two shared cores (AMD EPYC, November 2026). CPU is that of the whole
 * workerd process, sockets to the clients included, so an object alone takes less.
 */
export const MEASUREMENTS: Measurements = {
  hitMs: 0.162,
  feedMs: 0.925,
  childMs: 0.0879,
  byteMs: 3.91e-7,
  wakeMs: 0.0454,
  parkedBytes: 24_515,
  childBytes: 249_088,
};
