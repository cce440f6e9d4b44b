/** Counters of the room's objects in measurements. */
export interface RoomCallCounts {
  /** At the room: summary requests, snapshots, calls with messages and likes, reports. */
  places: number;
  attaches: number;
  submissions: number;
  acts: number;
  reports: number;
  delivers: number;
  submissionsToRelays: number;
  reportsToRelays: number;
  deliversToRelays: number;
  joins: number;
  /** Frames from viewers that woke a shard; heartbeats do not. */
  framesIn: number;
  rowsWritten: number;
}
