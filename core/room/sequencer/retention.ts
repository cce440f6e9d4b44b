/** The retention of a room's history: the deployment's settings, else a day. */
/** Retained: events younger than `keepMs`, and of these the last `keepEvents`. */
export interface HistoryRetention {
  readonly maxAgeMs: number;
  readonly maxEvents: number;
}

const HOUR_MS = 3_600_000;
/** History is pruned at least this often. */
const MAX_PRUNE_INTERVAL_MS = HOUR_MS;

/** The interval of pruning, ms: nothing stays longer than a twenty-fourth of its retention too long. */
export function pruneIntervalMs({ maxAgeMs }: HistoryRetention): number {
  return Math.min(MAX_PRUNE_INTERVAL_MS, maxAgeMs / 24);
}
