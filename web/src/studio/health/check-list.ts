/** The checks that the page shows: the raised ones, and for a while those that are over; pure. */
import { severityRank } from "../../../../core/ingest/health/health-check.ts";
import type { ShownHealthCheck } from "./health-answer.ts";

/** A check that is over is shown for this long, faded. */
export const CLEARED_SHOWN_MS = 30_000;

/** A check of the list; `clearedMs` is when it was over, null while it is raised. */
export interface ListedCheck {
  readonly check: ShownHealthCheck;
  readonly clearedMs: number | null;
}

/** The raised checks, the worst first and of one severity the newest first, then those of `before` that are over. */
export function listChecks(
  before: readonly ListedCheck[],
  raised: readonly ShownHealthCheck[],
  nowMs: number,
): ListedCheck[] {
  const ids = new Set(raised.map(({ id }) => id));
  const current = raised
    .map((check): ListedCheck => ({ check, clearedMs: null }))
    .sort(
      (a, b) => severityRank(b.check.severity) - severityRank(a.check.severity) || b.check.sinceMs - a.check.sinceMs,
    );
  const over = before
    .filter(({ check }) => !ids.has(check.id))
    .map((each): ListedCheck => ({ check: each.check, clearedMs: each.clearedMs ?? nowMs }))
    .filter(({ clearedMs }) => nowMs - (clearedMs ?? nowMs) < CLEARED_SHOWN_MS)
    .sort((a, b) => (b.clearedMs ?? 0) - (a.clearedMs ?? 0));
  return [...current, ...over];
}

/** What a screen reader says of the change: the worst check that was not raised before, or that all are over. */
export function announceChange(before: readonly ListedCheck[], now: readonly ListedCheck[]): string | null {
  const raised = (list: readonly ListedCheck[]): readonly ListedCheck[] =>
    list.filter(({ clearedMs }) => clearedMs === null);
  const known = new Set(raised(before).map(({ check }) => check.id));
  const added = raised(now).find(({ check }) => !known.has(check.id));
  if (added !== undefined) return `${SEVERITY_LABELS[added.check.severity]}: ${added.check.say}`;
  return known.size > 0 && raised(now).length === 0 ? "All checks are over." : null;
}

/** Severities as the page names them. */
export const SEVERITY_LABELS: Readonly<Record<ShownHealthCheck["severity"], string>> = {
  ...{ info: "Hint", warning: "Warning", error: "Error" },
};
