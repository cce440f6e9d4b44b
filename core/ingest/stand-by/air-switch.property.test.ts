import fc from "fast-check";
import { expect, test } from "vitest";
import type { StreamKeyRole } from "../../access/stream-key.ts";
import { AirSwitch, otherRole, type TakeOver } from "./air-switch.ts";
import { STAND_BY_LIMITS } from "./limits.ts";

const RETURN_MS = 10_000;
const FRAME_MS = 33;
const ROLES: readonly StreamKeyRole[] = ["primary", "backup"];
/** A switch within this time after the sender on the air fails, while another is ready. */
const SWITCH_MS = 1_000;

/** What a sender does for some time. */
interface Phase {
  readonly state: "away" | "sending" | "silent" | "sound-only";
  readonly ms: number;
}

const phases = fc.array(
  fc.record({
    state: fc.constantFrom<Phase["state"]>("away", "sending", "sending", "sending", "silent", "sound-only"),
    ms: fc.oneof(fc.integer({ min: 30, max: 3_000 }), fc.integer({ min: 3_000, max: 60_000 })),
  }),
  { minLength: 1, maxLength: 12 },
);

interface Switch {
  readonly atMs: number;
  readonly takeOver: TakeOver;
}

/** Runs two senders through their phases as a session does; calls `onStep` after each step of time. */
function run(
  scripts: Readonly<Record<StreamKeyRole, readonly Phase[]>>,
  onStep: (state: {
    nowMs: number;
    onAir: StreamKeyRole | null;
    fine: (role: StreamKeyRole) => boolean;
    ready: (role: StreamKeyRole) => boolean;
  }) => void,
): Switch[] {
  const air = new AirSwitch({ returnMs: RETURN_MS });
  const now: Record<StreamKeyRole, Phase["state"]> = { primary: "away", backup: "away" };
  const sinceMs: Record<StreamKeyRole, number> = { primary: 0, backup: 0 };
  const keyframes: Record<StreamKeyRole, boolean> = { primary: false, backup: false };
  const switches: Switch[] = [];
  const apply = (takeOver: TakeOver | null, nowMs: number): void => {
    if (takeOver === null) return;
    expect(takeOver.to).not.toBe(air.onAir);
    expect(now[takeOver.to]).not.toBe("away");
    expect(keyframes[takeOver.to]).toBe(true);
    if (air.onAir !== null) keyframes[air.onAir] = false;
    switches.push({ atMs: nowMs, takeOver });
    air.switched(takeOver.to, nowMs);
  };
  const enter = (role: StreamKeyRole, state: Phase["state"], nowMs: number): void => {
    const before = now[role];
    now[role] = state;
    sinceMs[role] = nowMs;
    if (before === state) return;
    if (state === "away") {
      keyframes[role] = false;
      air.disconnect(role);
      apply(air.decide(nowMs), nowMs);
    } else if (before === "away") air.connect(role, air.onAir === null, nowMs);
  };
  const length = Math.max(...ROLES.map((role) => scripts[role].reduce((sum, { ms }) => sum + ms, 0)));
  const at = (role: StreamKeyRole, ms: number): Phase["state"] => {
    let left = ms;
    for (const phase of scripts[role]) {
      if (left < phase.ms) return phase.state;
      left -= phase.ms;
    }
    return "away";
  };
  for (let nowMs = 0; nowMs < length; nowMs += FRAME_MS) {
    for (const role of ROLES) if (at(role, nowMs) !== now[role]) enter(role, at(role, nowMs), nowMs);
    for (const role of ROLES) {
      const state = now[role];
      if (state !== "sending" && state !== "sound-only") continue;
      air.pushMedia(role, state === "sending", nowMs);
      const isKeyframe = state === "sending" && Math.floor(nowMs / FRAME_MS) % 60 === 0;
      keyframes[role] ||= isKeyframe;
      if (air.onAir !== role) air.setReady(role, keyframes[role], nowMs);
      apply(air.decide(nowMs) ?? (isKeyframe ? air.decideAtKeyframe(role, nowMs) : null), nowMs);
    }
    if (Math.floor(nowMs / FRAME_MS) % 3 === 0) apply(air.tick(nowMs), nowMs);
    const lasts = (role: StreamKeyRole): number => nowMs - sinceMs[role];
    onStep({
      nowMs,
      onAir: air.onAir,
      fine: (role) => now[role] === "sending",
      // Pictures have come for long enough that it counts as sending.
      ready: (role) => now[role] === "sending" && keyframes[role] && lasts(role) > 100,
    });
  }
  return switches;
}

test("no ready sender waits while the one on the air fails, or nobody is on the air", () => {
  fc.assert(
    fc.property(phases, phases, (primary, backup) => {
      const badSince: Record<StreamKeyRole | "nobody", number | null> = { primary: null, backup: null, nobody: null };
      const worstMs = { failing: 0, nobody: 0 };
      run({ primary, backup }, ({ nowMs, onAir, fine, ready }) => {
        for (const role of ROLES) {
          const isBad = onAir === role && !fine(role) && ready(otherRole(role));
          badSince[role] = isBad ? (badSince[role] ?? nowMs) : null;
          worstMs.failing = Math.max(worstMs.failing, nowMs - (badSince[role] ?? nowMs));
        }
        const isLeft = onAir === null && ROLES.some(ready);
        badSince.nobody = isLeft ? (badSince.nobody ?? nowMs) : null;
        worstMs.nobody = Math.max(worstMs.nobody, nowMs - (badSince.nobody ?? nowMs));
      });
      // While sound goes on, a picture may pause.
      expect(worstMs.failing).toBeLessThan(STAND_BY_LIMITS.noPictureMs + 300);
      expect(worstMs.nobody).toBeLessThan(200);
    }),
    { numRuns: 100 },
  );
});

test("a sender that is silent altogether is replaced within a second", () => {
  const silent = phases.map((list) =>
    list.map((each) => (each.state === "sound-only" ? { ...each, state: "silent" as const } : each)),
  );
  fc.assert(
    fc.property(silent, silent, (primary, backup) => {
      let sinceMs: number | null = null;
      let worstMs = 0;
      run({ primary, backup }, ({ nowMs, onAir, fine, ready }) => {
        const isBad = onAir !== null && !fine(onAir) && ready(otherRole(onAir));
        sinceMs = isBad ? (sinceMs ?? nowMs) : null;
        worstMs = Math.max(worstMs, nowMs - (sinceMs ?? nowMs));
      });
      expect(worstMs).toBeLessThan(SWITCH_MS);
    }),
    { numRuns: 100 },
  );
});

test("a sender that is well is replaced by a steady primary only, and never sooner than the hold time after a switch", () => {
  fc.assert(
    fc.property(phases, phases, (primary, backup) => {
      const switches = run({ primary, backup }, () => {});
      for (const [i, { atMs, takeOver }] of switches.entries()) {
        if (takeOver.reason !== "returned") continue;
        expect(takeOver.to).toBe("primary");
        const before = switches[i - 1];
        if (before !== undefined) expect(atMs - before.atMs).toBeGreaterThanOrEqual(RETURN_MS);
      }
    }),
    { numRuns: 100 },
  );
});

test("a primary that fails again and again must be steady for longer each time", () => {
  const flapping: Phase[] = Array.from({ length: 20 }, (_, i) => ({
    state: i % 2 === 0 ? "sending" : "silent",
    ms: i % 2 === 0 ? 14_000 : 2_000,
  }));
  const switches = run({ primary: flapping, backup: [{ state: "sending", ms: 330_000 }] }, () => {});
  const returns = switches.filter(({ takeOver }) => takeOver.reason === "returned");
  expect(returns).toHaveLength(1);
});

test("without a return time a primary is on the air again only if the backup fails", () => {
  const air = new AirSwitch({ returnMs: null });
  air.connect("backup", true, 0);
  air.connect("primary", false, 0);
  for (let nowMs = 0; nowMs < 100_000; nowMs += 100) {
    for (const role of ROLES) air.pushMedia(role, true, nowMs);
    air.setReady("primary", true, nowMs);
    expect([air.tick(nowMs), air.decideAtKeyframe("primary", nowMs)]).toEqual([null, null]);
  }
  air.disconnect("backup");
  expect(air.decide(100_000)).toEqual({ to: "primary", reason: "lost" });
});

test("a process that was late to read what has come does not count that as silence", () => {
  const air = new AirSwitch({ returnMs: RETURN_MS });
  air.connect("primary", true, 0);
  air.connect("backup", false, 0);
  for (let nowMs = 0; nowMs <= 3_000; nowMs += 100) {
    for (const role of ROLES) air.pushMedia(role, true, nowMs);
    air.setReady("backup", true, nowMs);
    expect(air.tick(nowMs)).toBeNull();
  }
  // The backup's socket is read before the tick, the primary's after it.
  air.pushMedia("backup", true, 4_000);
  expect(air.tick(4_000)).toBeNull();
  air.pushMedia("primary", true, 4_001);
  expect(air.tick(4_100)).toBeNull();
});
