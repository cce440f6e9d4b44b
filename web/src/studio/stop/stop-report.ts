/** The parsed response of `/api/streams/{stream}/stop`. */
import { STOP_CATEGORIES, type StopCategory } from "../../../../core/access/stream-stop.ts";

/** A stop in the control API's response. */
export interface ActiveStop {
  readonly category: StopCategory;
  readonly reason: string;
  readonly until: string | null;
  readonly authority: "operator" | "host";
}

/** One entry of the record. */
export interface StopAuditEntry {
  readonly act: "stop" | "undo";
  readonly at: string;
  readonly by: string;
  readonly authority: string;
  readonly reason: string | null;
  readonly until: string | null;
}

/** The current stop and the record, the newest entry first. */
export interface StopReport {
  readonly stop: ActiveStop | null;
  readonly records: readonly StopAuditEntry[];
}

/** Labels of the categories. */
export const STOP_CATEGORY_LABELS: Readonly<Record<StopCategory, string>> = {
  legal: "Legal demand",
  copyright: "Copyright",
  safety: "Safety",
  rules: "Rules of the site",
  other: "Other",
};

/** The stop report in a response body, or null if it is none. */
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

/** A date and time in the local format. */
export const formatMoment = (iso: string): string => new Date(iso).toLocaleString();

/** The text of a record entry. */
export function describeStopEntry({ act, at, by, authority, reason, until }: StopAuditEntry): string {
  const who = by === authority ? by : `${by} (${authority})`;
  if (act === "undo") return `${formatMoment(at)}: started again by ${who}`;
  const end = until === null ? "" : `, until ${formatMoment(until)}`;
  return `${formatMoment(at)}: stopped by ${who}${end}: ${reason ?? ""}`;
}
