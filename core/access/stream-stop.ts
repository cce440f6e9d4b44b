/**
 * A stream that was stopped: nothing of it is published, watched or read until the stop is undone or over. It is part of
 * the stream's access, so it reaches whatever knows who may watch.
 */

/** Why a stream was stopped, for programs; `reason` is for people. */
export type StopCategory = "legal" | "copyright" | "safety" | "rules" | "other";

/** Every category, the gravest first. */
export const STOP_CATEGORIES: readonly StopCategory[] = ["legal", "copyright", "safety", "rules", "other"];

/** Who may stop: the operator of the deployment, or a host of the stream. */
export type StopAuthority = "operator" | "host";

/** A person who stops a stream or undoes it. */
export interface StopActor {
  readonly authority: StopAuthority;
  /** The host's subject, or the name that the operator gave. */
  readonly name: string;
}

/** A stop as it stands. */
export interface StreamStop {
  readonly category: StopCategory;
  /** Shown on the watch page. */
  readonly reason: string;
  /** Its end, ms since the epoch; null: until a person undoes it. */
  readonly untilMs: number | null;
  readonly atMs: number;
  readonly authority: StopAuthority;
}

/** What the public is told of a stop. */
export interface StopNotice {
  readonly category: StopCategory;
  readonly reason: string;
  /** ISO 8601, or null. */
  readonly until: string | null;
}

/** One act upon a stream, as it is kept. */
export interface StopRecord extends StopActor {
  readonly act: "stop" | "undo";
  readonly atMs: number;
  /** Of a stop; null for its undoing. */
  readonly category: StopCategory | null;
  readonly reason: string | null;
  readonly untilMs: number | null;
}

/** Bounds, each with its reason and what the one who exceeds it is told. */
export const STOP_LIMITS = {
  /** Characters of a reason: it is shown on a phone and rides on every feed. Longer ones are refused with 400. */
  reasonChars: 300,
  /** Characters of the name of whoever stops. Longer ones are refused with 400. */
  nameChars: 64,
  /** Records kept of a stream; the oldest go first. */
  records: 200,
} as const;

/** The stop that holds at `nowMs`, or null: one whose time is over ends by itself. */
export function activeStop({ stop }: { readonly stop?: StreamStop | null }, nowMs: number): StreamStop | null {
  if (stop === undefined || stop === null) return null;
  return stop.untilMs === null || nowMs < stop.untilMs ? stop : null;
}

/** Whether somebody may stop a stream of which `standing` holds, or undo that: what the operator stopped is the operator's. */
export function mayChangeStop(active: StreamStop | null, by: StopAuthority): boolean {
  return by === "operator" || active?.authority !== "operator";
}

/**
 * The HTTP status that a stop is answered with. RFC 7725: 451 is for "a resource that is denied as a consequence of a
 * legal demand"; whatever else is stopped is gone, as far as anybody knows.
 */
export function stopHttpStatus(category: StopCategory): 410 | 451 {
  return category === "legal" || category === "copyright" ? 451 : 410;
}

/** What the public is told. */
export function toStopNotice({ category, reason, untilMs }: StreamStop): StopNotice {
  return { category, reason, until: untilMs === null ? null : new Date(untilMs).toISOString() };
}
