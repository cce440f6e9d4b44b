/** What the room's objects count of themselves where they are measured. */
export interface RoomCallCounts {
  /** At the room: questions where to, children that ask for all, calls with messages and likes, reports. */
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
  /** Frames from viewers that woke a shard; beats don't. */
  framesIn: number;
  rowsWritten: number;
}
