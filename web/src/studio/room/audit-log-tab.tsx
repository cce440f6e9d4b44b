/** The audit log, the newest entry first. */
import type { VNode } from "preact";
import type { ModerationDesk } from "./moderation-desk.ts";

export function AuditLogTab({ desk }: { desk: ModerationDesk }): VNode {
  const { audit } = desk.staff;
  if (audit === null || audit.length === 0) return <p class="tab-empty">Nobody has done anything yet.</p>;
  return (
    <table class="log">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Who</th>
          <th scope="col">Did</th>
          <th scope="col">About</th>
        </tr>
      </thead>
      <tbody>
        {audit.map(({ atMs, by, act, about }, index) => (
          <tr key={`${atMs} ${index}`}>
            <td>{new Date(atMs).toTimeString().slice(0, 8)}</td>
            <td>
              <bdi>{by}</bdi>
            </td>
            <td>{act}</td>
            <td>
              <bdi>{about}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
