/** The result table. */
import type { RuleResult, RuleStatus } from "./model.ts";

const STATUS_LABELS: Record<RuleStatus, string> = {
  held: "held",
  broken: "BROKEN",
  "not-checked": "not checked",
  "not-applicable": "n/a",
};

/** A table of rule, result and evidence, with a line of sums. */
export function renderResults(results: readonly RuleResult[]): string {
  const rows = results.map(
    ({ rule, title, status, evidence }) =>
      `${String(rule).padStart(4)}  ${STATUS_LABELS[status].padEnd(11)}  ${title}: ${evidence}`,
  );
  const count = (status: RuleStatus): number => results.filter((one) => one.status === status).length;
  const sums = `${count("held")} held, ${count("broken")} broken, ${count("not-checked")} not checked, ${count("not-applicable")} not applicable`;
  return `${["rule  result       what: evidence", ...rows, "", sums].join("\n")}\n`;
}
