/** The audit log, the newest entry first. */
import type { VNode } from "preact";
import { DataTable, type TableColumn } from "../data-table.tsx";
import { collectInviters, describeAudit } from "./audit-text.ts";
import type { ModerationDesk } from "./moderation-desk.ts";
import { collectNames } from "./people-names.ts";

export function AuditLogTab({ desk }: { desk: ModerationDesk }): VNode {
  const { audit } = desk.staff;
  if (audit === null || audit.length === 0) return <p class="tab-empty">No moderation actions yet.</p>;
  const names = collectNames(desk.view, desk.staff);
  const inviters = collectInviters(audit);
  const columns: readonly TableColumn<(typeof audit)[number]>[] = [
    ["When", ({ atMs }) => new Date(atMs).toTimeString().slice(0, 8)],
    [
      "What",
      (entry) => <bdi title={`${entry.by}: ${entry.act} ${entry.about}`}>{describeAudit(entry, names, inviters)}</bdi>,
    ],
  ];
  return <DataTable class="log" items={audit} columns={columns} keyOf={({ atMs }, index) => `${atMs} ${index}`} />;
}
