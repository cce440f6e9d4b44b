/** What the real room was measured to take; the room's model counts with it. */

/** Times in milliseconds of CPU of workerd, sizes in bytes. */
export interface RoomMeasurements {
  /** A call from one object, or a Worker, to another object. */
  readonly callMs: number;
  /** A call that brings messages to the room, and stores them. */
  readonly submitMs: number;
  /** A message of it: its frame, judging and sealing it, its rows, the answer. */
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
