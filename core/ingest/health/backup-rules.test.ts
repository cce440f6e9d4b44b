import { expect, test } from "vitest";
import type { SenderRoles } from "./backup-state.ts";
import { HealthMonitor } from "./health-monitor.ts";

const START_MS = Date.parse("2026-01-02T20:14:03Z");
const PRIMARY_ONLY: SenderRoles = { onAir: "primary", hasPrimary: true, hasBackup: false, differs: null };
const BOTH: SenderRoles = { ...PRIMARY_ONLY, hasBackup: true };

/** Ticks once a second for `seconds`; returns the changes, and the time after them. */
function run(
  monitor: HealthMonitor,
  roles: SenderRoles,
  fromMs: number,
  seconds: number,
): { changes: string[]; nowMs: number } {
  const changes: string[] = [];
  let nowMs = fromMs;
  for (const endMs = fromMs + 1000 * seconds; nowMs < endMs; nowMs += 1000) {
    monitor.pushTransport({ receivedBytes: nowMs, roundTripMs: null, packets: null }, nowMs);
    monitor.pushRoles(roles, nowMs);
    for (const { kind, check } of monitor.tick(nowMs)) changes.push(`${kind} ${check.id}`);
  }
  return { changes, nowMs };
}

function connected(): HealthMonitor {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  return monitor;
}

test("a backup on the air is told, with the time since when, until the primary is back", () => {
  const monitor = connected();
  const on = run(monitor, { ...BOTH, onAir: "backup" }, START_MS, 5);
  expect(on.changes).toEqual(["raised on-backup"]);
  expect(monitor.report.checks[0]?.say).toContain("20:14:03 UTC");
  expect(monitor.report.checks[0]?.fix).toContain("steady");
  expect(run(monitor, BOTH, on.nowMs, 2).changes).toEqual(["cleared on-backup"]);
});

test("a backup that was there and is gone for 30 s is missed; one that never was is not", () => {
  const monitor = connected();
  const alone = run(monitor, PRIMARY_ONLY, START_MS, 60);
  expect(alone.changes).toEqual([]);
  const both = run(monitor, BOTH, alone.nowMs, 5);
  const gone = run(monitor, PRIMARY_ONLY, both.nowMs, 29);
  expect([both.changes, gone.changes]).toEqual([[], []]);
  const missed = run(monitor, PRIMARY_ONLY, gone.nowMs, 5);
  expect(missed.changes).toEqual(["raised backup-missing"]);
  expect(run(monitor, BOTH, missed.nowMs, 65).changes).toEqual(["cleared backup-missing"]);
});

test("a backup that differs is told in both senders' words", () => {
  const monitor = connected();
  const differs = { backup: "h264 1280×720 at 30/s", primary: "h264 1920×1080 at 60/s" };
  const told = run(monitor, { ...BOTH, differs }, START_MS, 2);
  expect(told.changes).toEqual(["raised backup-differs"]);
  expect(monitor.report.checks[0]?.say).toBe(
    `The backup sends ${differs.backup}; the primary sends ${differs.primary}.`,
  );
  expect(run(monitor, BOTH, told.nowMs, 2).changes).toEqual(["cleared backup-differs"]);
});
