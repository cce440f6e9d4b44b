/** How long and how much of a room's history is kept: the deployment's settings, else a day. */
import { ROOM_LIMITS } from "./limits.ts";

/** What is kept: events as young as `keepMs`, and of these the last `keepEvents`. */
export interface Retention {
  readonly keepMs: number;
  readonly keepEvents: number;
}

/** Variables of the deployment, as texts. */
export interface RetentionSettings {
  readonly CORRAL_ROOM_KEEP_HOURS?: string;
  readonly CORRAL_ROOM_KEEP_EVENTS?: string;
}

const HOUR_MS = 3_600_000;
/** History is looked through at least so often for what is too old. */
const PRUNE_MOST_MS = HOUR_MS;

/** The retention that is set. Throws a `RangeError` that says which setting is wrong, rather than keep too much. */
export function parseRetention(settings: RetentionSettings): Retention {
  const { keepHoursMost, keepEventsMost, keepMs, keepEvents } = ROOM_LIMITS;
  const hours = setting(settings, "CORRAL_ROOM_KEEP_HOURS", keepHoursMost);
  const events = setting(settings, "CORRAL_ROOM_KEEP_EVENTS", keepEventsMost);
  return { keepMs: hours === null ? keepMs : HOUR_MS * hours, keepEvents: events ?? keepEvents };
}

/** How often to look for what is too old, in ms: nothing stays longer than a twenty-fourth of its time too long. */
export function pruneEveryMs({ keepMs }: Retention): number {
  return Math.min(PRUNE_MOST_MS, keepMs / 24);
}

function setting(settings: RetentionSettings, name: keyof RetentionSettings, most: number): number | null {
  const text = settings[name] ?? "";
  if (text === "") return null;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new RangeError(`${name} is a whole number from 1 to ${most}, not "${text}".`);
  return value;
}
