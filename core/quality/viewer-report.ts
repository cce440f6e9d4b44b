/** A viewer's report: the members of a CMCD version 2 event (CTA-5004-B) that are read of it; pure. */
import type { JsonObject } from "../kit/json-fields.ts";

/** Limits of a report, each with its reason. A forged one counts for little more than a viewer's. */
export const VIEWER_REPORT_LIMITS = {
  /** Bytes of a request: eight events of some 250 bytes. */
  bytes: 2_048,
  events: 8,
  /** Characters of a session's id: a UUID has 36. */
  sidChars: 64,
  /** A player reports at least every five minutes: no event tells of more than twice that. */
  spanMs: 600_000,
  stalls: 30,
  /** What takes longer was not played as live. */
  delayMs: 3_600_000,
} as const;

/** The custom key of the time watched since the report before: CMCD has none. */
export const WATCHED_KEY = "corral-watched";

/** What a report adds to the sums. */
export interface ViewerReport {
  /** Of the session, until the report is sampled; it is not kept. */
  readonly sid: string;
  /** The broadcast's id. */
  readonly cid: string;
  /** The session's first report. */
  readonly isFirst: boolean;
  /** From the start of playback to the first picture: told once a session. */
  readonly startupMs: number | null;
  readonly delayMs: number | null;
  /** Declared bit rate of the picture, kb/s. */
  readonly bitrateKbps: number | null;
  /** Stalls that are over since the report before. */
  readonly stalls: number;
  readonly stalledMs: number;
  readonly watchedMs: number;
  readonly hasFailed: boolean;
}

/** The report in an event's decoded members, or null if they are none of a version 2 event with its session and content. */
export function readViewerReport(members: JsonObject): ViewerReport | null {
  const { v, e, sid, cid, sn, msd, ltc, br, bsd } = members;
  const { sidChars, spanMs, stalls, delayMs } = VIEWER_REPORT_LIMITS;
  if (v !== 2 || typeof e !== "string") return null;
  if (typeof sid !== "string" || sid.length === 0 || sid.length > sidChars || typeof cid !== "string") return null;
  const durations = listNumbers(bsd).slice(0, stalls);
  return {
    ...{ sid, cid, isFirst: sn === 0 },
    startupMs: readDuration(msd, spanMs),
    delayMs: readDuration(ltc, delayMs),
    bitrateKbps: listNumbers(br)[0] ?? null,
    stalls: durations.length,
    stalledMs: Math.min(
      spanMs,
      durations.reduce((sum, each) => sum + each, 0),
    ),
    watchedMs: Math.min(spanMs, readDuration(members[WATCHED_KEY], Number.POSITIVE_INFINITY) ?? 0),
    hasFailed: e === "e",
  };
}

function readDuration(value: unknown, most: number): number | null {
  return typeof value === "number" && value >= 0 && value <= most ? value : null;
}

/** The numbers of an inner list, whose items may have parameters, or of a single one; none below zero. */
function listNumbers(value: unknown): number[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items
    .map((item) => (typeof item === "object" && item !== null && "value" in item ? item.value : item))
    .filter((item) => typeof item === "number")
    .filter((item) => item >= 0);
}
