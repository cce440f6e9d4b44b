/** How long and how much of a room's history is kept: the deployment's settings, else a day. */
import { ROOM_LIMITS } from "../room-limits.ts";

/** What is kept: events as young as `keepMs`, and of these the last `keepEvents`. */
export interface HistoryRetention {
  readonly maxAgeMs: number;
  readonly maxEvents: number;
}

/** Variables of the deployment, as texts. */
export interface RetentionEnv {
  readonly CORRAL_ROOM_KEEP_HOURS?: string;
  readonly CORRAL_ROOM_KEEP_EVENTS?: string;
}

const HOUR_MS = 3_600_000;
/** History is looked through at least so often for what is too old. */
const MAX_PRUNE_INTERVAL_MS = HOUR_MS;

/** The retention that is set. Throws a `RangeError` that says which setting is wrong, rather than keep too much. */
export function parseHistoryRetention(settings: RetentionEnv): HistoryRetention {
  const { maxRetentionHours, maxRetentionEvents, retentionMs, retentionEvents } = ROOM_LIMITS;
  const hours = readSetting(settings, "CORRAL_ROOM_KEEP_HOURS", maxRetentionHours);
  const events = readSetting(settings, "CORRAL_ROOM_KEEP_EVENTS", maxRetentionEvents);
  return { maxAgeMs: hours === null ? retentionMs : HOUR_MS * hours, maxEvents: events ?? retentionEvents };
}

/** How often to look for what is too old, in ms: nothing stays longer than a twenty-fourth of its time too long. */
export function pruneIntervalMs({ maxAgeMs }: HistoryRetention): number {
  return Math.min(MAX_PRUNE_INTERVAL_MS, maxAgeMs / 24);
}

function readSetting(settings: RetentionEnv, name: keyof RetentionEnv, most: number): number | null {
  const text = settings[name] ?? "";
  if (text === "") return null;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new RangeError(`${name} is a whole number from 1 to ${most}, not "${text}".`);
  return value;
}
