/** Measured constants of the real room for the room's model. */

/** Times in milliseconds of workerd's CPU, sizes in bytes. */
export interface RoomMeasurements {
  /** A call from an object or a Worker to another object. */
  readonly callMs: number;
  /** A call with messages to the room, and storing them. */
  readonly submitMs: number;
  /** A message in it: its frame, moderation, encryption, rows and acknowledgement. */
  readonly actMs: number;
  /** Another frame of a viewer: decoding it. */
  readonly frameMs: number;
  /** A heartbeat, which the platform answers. */
  readonly beatMs: number;
  /** Sending one frame to one socket, of any size. */
  readonly sendMs: number;
  /** Sending one byte of it. */
  readonly byteMs: number;
  /** A join: the Worker, the socket, hello and welcome. */
  readonly joinMs: number;
  /** Resident memory of workerd per socket, and the part of it in the object's heap. */
  readonly socketBytes: number;
  readonly heapSocketBytes: number;
}

/**
 * Measured by `npm run model -- --calibrate --only room` on one of two shared cores (AMD EPYC, November 2026): medians of
 * three runs. CPU is that of the whole workerd process, client sockets and the Worker
 * included, so an object alone takes less. `actMs`, `byteMs` and `socketBytes` differed by half and more between runs.
 */
export const ROOM_MEASUREMENTS: RoomMeasurements = {
  callMs: 0.1175,
  submitMs: 1.29,
  actMs: 0.0986,
  frameMs: 0.0133,
  beatMs: 0.013,
  sendMs: 0.0361,
  byteMs: 1.46e-6,
  joinMs: 0.52,
  socketBytes: 56_003,
  heapSocketBytes: 418,
};
