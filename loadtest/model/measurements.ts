/** Measured constants of the real Worker and objects for the scale model. */

/** Times in milliseconds of workerd's CPU, sizes in bytes. */
export interface Measurements {
  /** One response from isolate memory: half playlists, half parts. */
  readonly hitMs: number;
  /** One feed request at an object. */
  readonly feedMs: number;
  /** Sending one part to one child of an object, of any size. */
  readonly childMs: number;
  /** Sending one byte of it. */
  readonly byteMs: number;
  /** Time between the responses of two waiting viewers, if a part wakes many. */
  readonly wakeMs: number;
  /** One write to one viewer by flow. */
  readonly flowWriteMs: number;
  /** One byte of it. */
  readonly flowByteMs: number;
  /** Heap per viewer by flow. */
  readonly flowBytes: number;
  /** Resident memory per parked request. */
  readonly parkedBytes: number;
  /** Resident memory per child of an object. */
  readonly childBytes: number;
}

/**
 * Measured by `npm run model -- --calibrate` on one of two shared cores (AMD EPYC, November 2026). CPU is that of the whole
 * workerd process, client sockets included, so an object alone takes less.
 */
export const MEASUREMENTS: Measurements = {
  hitMs: 0.162,
  feedMs: 0.925,
  childMs: 0.0879,
  byteMs: 3.91e-7,
  wakeMs: 0.0454,
  flowWriteMs: 0.0642,
  flowByteMs: 3.83e-7,
  flowBytes: 7_942,
  parkedBytes: 24_515,
  childBytes: 249_088,
};
