/** What the studio uses of `/api/streams/{stream}/stop`, parsed once. */
import { STOP_CATEGORIES, type StopCategory } from "../../../../core/access/stream-stop.ts";

/** A stop as the control API tells of it. */
export interface ActiveStop {
  readonly category: StopCategory;
  readonly reason: string;
  readonly until: string | null;
  readonly authority: "operator" | "host";
}

/** One line of the record. */
export interface StopAuditEntry {
  readonly act: "stop" | "undo";
  readonly at: string;
  readonly by: string;
  readonly authority: string;
  readonly reason: string | null;
  readonly until: string | null;
}

/** What holds, and who did what, the newest first. */
export interface StopReport {
  readonly stop: ActiveStop | null;
  readonly records: readonly StopAuditEntry[];
}

/** What each category is called. */
export const STOP_CATEGORY_LABELS: Readonly<Record<StopCategory, string>> = {
  legal: "A legal demand",
  copyright: "Copyright",
  safety: "Somebody’s safety",
  rules: "The house’s rules",
  other: "Something else",
};

/** What a body tells, or null where it is none. */
export function parseStopReport(body: unknown): StopReport | null {
  if (!isRecord(body) || !Array.isArray(body["records"])) return null;
  const { stop } = body;
  return { stop: isRecord(stop) ? parseStop(stop) : null, records: body["records"].filter(isRecord).map(parseRecord) };
}

function parseStop({ category, reason, until, authority }: Record<string, unknown>): ActiveStop {
  return {
    category: STOP_CATEGORIES.find((each) => each === category) ?? "other",
    reason: stringOrNull(reason) ?? "",
    until: stringOrNull(until),
    authority: authority === "host" ? "host" : "operator",
  };
}

function parseRecord({ act, at, by, authority, reason, until }: Record<string, unknown>): StopAuditEntry {
  return {
    act: act === "undo" ? "undo" : "stop",
    at: stringOrNull(at) ?? "",
    by: stringOrNull(by) ?? "",
    authority: stringOrNull(authority) ?? "",
    reason: stringOrNull(reason),
    until: stringOrNull(until),
  };
}

const stringOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** 14:03 on 29.11.2026, in the person's own way of writing it. */
export const formatMoment = (iso: string): string => new Date(iso).toLocaleString();

/** A line of the record in words. */
export function describeStopEntry({ act, at, by, authority, reason, until }: StopAuditEntry): string {
  const who = by === authority ? by : `${by} (${authority})`;
  if (act === "undo") return `${formatMoment(at)}: started again by ${who}`;
  const end = until === null ? "" : `, until ${formatMoment(until)}`;
  return `${formatMoment(at)}: stopped by ${who}${end}: ${reason ?? ""}`;
}
