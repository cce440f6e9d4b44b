/** What the real room was measured to take; the room's model counts with it. */

/** Times in milliseconds of CPU of workerd, sizes in bytes. */
export interface RoomMeasured {
  /** A call from one object, or a Worker, to another object. */
  readonly callMs: number;
  /** A message: its frame, its way to the room, storing it, the answer. */
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
 * As `npm run model -- --calibrate --only room` measured on one of two shared cores (AMD EPYC, November 2026). CPU is that
 * of the whole workerd process, sockets to the clients and the Worker included, so an object alone takes less.
 */
export const ROOM_MEASURED: RoomMeasured = {
  callMs: 0.0825,
  actMs: 0.718,
  frameMs: 0.023,
  beatMs: 0.0205,
  sendMs: 0.0663,
  byteMs: 8.49e-6,
  joinMs: 0.675,
  socketBytes: 34_099,
  heapSocketBytes: 1_020,
};
