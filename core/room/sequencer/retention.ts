/** How long and how much of a room's history is kept: the deployment's settings, else a day. */
/** What is kept: events as young as `keepMs`, and of these the last `keepEvents`. */
export interface HistoryRetention {
  readonly maxAgeMs: number;
  readonly maxEvents: number;
}

const HOUR_MS = 3_600_000;
/** History is looked through at least so often for what is too old. */
const MAX_PRUNE_INTERVAL_MS = HOUR_MS;

/** How often to look for what is too old, in ms: nothing stays longer than a twenty-fourth of its time too long. */
export function pruneIntervalMs({ maxAgeMs }: HistoryRetention): number {
  return Math.min(MAX_PRUNE_INTERVAL_MS, maxAgeMs / 24);
}
