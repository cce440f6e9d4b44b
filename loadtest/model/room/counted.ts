/** What the room's objects count of themselves where they are measured. */
export interface Counted {
  places: number;
  attaches: number;
  submissions: number;
  acts: number;
  reports: number;
  delivers: number;
  joins: number;
  /** Frames from viewers that woke a shard; beats don't. */
  framesIn: number;
  rowsWritten: number;
}
