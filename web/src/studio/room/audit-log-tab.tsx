/** The audit log, the newest entry first. */
import type { VNode } from "preact";
import { DataTable, type TableColumn } from "../data-table.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";

const COLUMNS: readonly TableColumn<NonNullable<ModerationDesk["staff"]["audit"]>[number]>[] = [
  ["When", ({ atMs }) => new Date(atMs).toTimeString().slice(0, 8)],
  ["Who", ({ by }) => <bdi>{by}</bdi>],
  ["Did", ({ act }) => act],
  ["About", ({ about }) => <bdi>{about}</bdi>],
];

export function AuditLogTab({ desk }: { desk: ModerationDesk }): VNode {
  const { audit } = desk.staff;
  if (audit === null || audit.length === 0) return <p class="tab-empty">No moderation actions yet.</p>;
  return <DataTable class="log" items={audit} columns={COLUMNS} keyOf={({ atMs }, index) => `${atMs} ${index}`} />;
}
