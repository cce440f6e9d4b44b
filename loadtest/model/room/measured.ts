/** What the real room was measured to take; the room's model counts with it. */

/** Times in milliseconds of CPU of workerd, sizes in bytes. */
export interface RoomMeasured {
  /** A call from one object, or a Worker, to another object. */
  readonly callMs: number;
  /** A message: its frame, its way to the room, judging and storing it, the answer. */
  readonly actMs: number;
  /** Another frame of a viewer: decoding it. */
  readonly frameMs: number;
  /** A beat, which the platform answers. */
  readonly beatMs: number;
  /** Sending one frame to one socket, whatever its size. */
  readonly sendMs: number;
  /** Sending one byte of it. */
  readonly byteMs: number;
  /** A viewer's coming: the Worker, the socket, hello and welcome. */
  readonly joinMs: number;
  /** Resident memory of workerd for a socket, and the part of it that is in its object's heap. */
  readonly socketBytes: number;
  readonly heapSocketBytes: number;
}

/**
 * As `npm run model -- --calibrate --only room` measured on one of two shared cores (AMD EPYC, November 2026): of each
 * figure the middle one of three runs. CPU is that of the whole workerd process, sockets to the clients and the Worker
 * included, so an object alone takes less. `byteMs` differed by a half between runs, the other times by less than a third.
 */
export const ROOM_MEASURED: RoomMeasured = {
  callMs: 0.0775,
  actMs: 0.578,
  frameMs: 0.0131,
  beatMs: 0.017,
  sendMs: 0.0644,
  byteMs: 1.1e-5,
  joinMs: 0.625,
  socketBytes: 257_106,
  heapSocketBytes: 420,
};
