/**
 * A stopped stream: nothing of it is published, watched or read until the stop is undone or expires. It is part of the
 * stream's access policy, and so reaches every holder of it.
 */

/** Reason category of a stop, for programs; `reason` is for people. */
export type StopCategory = "legal" | "copyright" | "safety" | "rules" | "other";

/** All categories, the most severe first. */
export const STOP_CATEGORIES: readonly StopCategory[] = ["legal", "copyright", "safety", "rules", "other"];

/** Who may stop a stream: the operator of the deployment, or a host of the stream. */
export type StopAuthority = "operator" | "host";

/** The actor of a stop or its undoing. */
export interface StopActor {
  readonly authority: StopAuthority;
  /** The host's subject, or the name that the operator gave. */
  readonly name: string;
}

/** A stop in force. */
export interface StreamStop {
  readonly category: StopCategory;
  /** Shown on the watch page. */
  readonly reason: string;
  /** Its end, ms since the epoch; null: until a person undoes it. */
  readonly untilMs: number | null;
  readonly atMs: number;
  readonly authority: StopAuthority;
}

/** The public part of a stop. */
export interface StopNotice {
  readonly category: StopCategory;
  readonly reason: string;
  /** ISO 8601, or null. */
  readonly until: string | null;
}

/** One entry of a stream's stop record. */
export interface StopRecord extends StopActor {
  readonly act: "stop" | "undo";
  readonly atMs: number;
  /** Null for an undoing. */
  readonly category: StopCategory | null;
  readonly reason: string | null;
  readonly untilMs: number | null;
}

/** Limits, each with its reason and the error of a request that exceeds it. */
export const STOP_LIMITS = {
  /** Characters of a reason: it is shown on phones and sent on every feed. Longer ones are refused with 400. */
  reasonChars: 300,
  /** Characters of the actor's name. Longer ones are refused with 400. */
  nameChars: 64,
  /** Kept records per stream; the oldest are dropped first. */
  records: 200,
} as const;

/** The stop in force at `nowMs`, or null: a stop expires by itself. */
export function activeStop({ stop }: { readonly stop?: StreamStop | null }, nowMs: number): StreamStop | null {
  if (stop === undefined || stop === null) return null;
  return stop.untilMs === null || nowMs < stop.untilMs ? stop : null;
}

/** Whether an actor may stop a stream with the stop `standing`, or undo it: only the operator may change the operator's stop. */
export function mayChangeStop(active: StreamStop | null, by: StopAuthority): boolean {
  return by === "operator" || active?.authority !== "operator";
}

/**
 * The HTTP status of a stopped stream. RFC 7725: 451 is for "a resource that is denied as a consequence of a
 * legal demand"; any other stop is 410 Gone.
 */
export function stopHttpStatus(category: StopCategory): 410 | 451 {
  return category === "legal" || category === "copyright" ? 451 : 410;
}

/** The public part of a stop. */
export function toStopNotice({ category, reason, untilMs }: StreamStop): StopNotice {
  return { category, reason, until: untilMs === null ? null : new Date(untilMs).toISOString() };
}
