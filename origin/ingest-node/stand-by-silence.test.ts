/** Silence of senders, read by a process that is late itself. */
import { expect, test } from "vitest";
import { STAND_BY_LIMITS } from "../../core/ingest/stand-by/limits.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import type { SessionSender } from "./session-sender.ts";
import { StandBy } from "./stand-by.ts";

const DEMO = parseStreamName("demo") as StreamName;

interface HandClocked {
  readonly standBy: StandBy;
  readonly sender: { lastEventMs: number; isOnAir: boolean };
  readonly told: string[];
  readonly hasTimer: () => boolean;
  readonly tickAt: (ms: number) => void;
}

/** What becomes of one sender on the air, whose ticks are run by hand. */
function standByOf(): HandClocked {
  let nowMs = 0;
  let runTimer: (() => void) | null = null;
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    startTimer(_delayMs: number, callback: () => void) {
      runTimer = callback;
      return () => {
        runTimer = null;
      };
    },
  };
  const sender = { role: "primary", hasPictures: true, lastEventMs: 0, isOnAir: true };
  const told: string[] = [];
  const standBy = new StandBy({
    ...{ stream: DEMO, returnMs: null, platform: { clock, random: () => 0, newId: () => "id" } },
    checkKey: () => Promise.resolve(null),
    log: { info: () => {}, warn: () => {} },
    epochNowMs: () => nowMs,
    canTranscode: () => false,
    onAir: () => (sender.isOnAir ? (sender as unknown as SessionSender) : null),
    putOnAir: () => {},
    onSilence: () => told.push("silence"),
    onLost: () => told.push("lost"),
  });
  standBy.startOnAir(sender as unknown as SessionSender);
  const tickAt = (ms: number): void => {
    nowMs = ms;
    runTimer?.();
  };
  return { standBy, sender, told, hasTimer: () => runTimer !== null, tickAt };
}

test("a process that stood still reads what has come before it takes a sender for silent", () => {
  const { sender, told, tickAt } = standByOf();
  for (let ms = 0; ms <= 1_000; ms += STAND_BY_LIMITS.tickMs) {
    sender.lastEventMs = ms;
    tickAt(ms);
  }
  // Timers run before sockets are read.
  tickAt(13_000);
  sender.lastEventMs = 13_010;
  for (let ms = 13_100; ms < 14_000; ms += STAND_BY_LIMITS.tickMs) tickAt(ms);
  expect(told).toEqual([]);
});

test("a sender that is silent after the process stood still is told, and lost in time", () => {
  const { told, tickAt } = standByOf();
  for (const ms of [0, 100, 5_000, 5_100]) tickAt(ms);
  expect(told).toEqual([]);
  tickAt(5_200);
  expect(told).toEqual(["silence"]);
  for (let ms = 5_300; ms <= 10_000; ms += STAND_BY_LIMITS.tickMs) tickAt(ms);
  expect(told.at(-1)).toBe("lost");
});

test("a session without a sender has no ticks until one comes", () => {
  const { standBy, sender, hasTimer, tickAt } = standByOf();
  tickAt(100);
  expect(hasTimer()).toBe(true);
  sender.isOnAir = false;
  tickAt(200);
  expect(hasTimer()).toBe(false);
  sender.isOnAir = true;
  standBy.startOnAir(sender as unknown as SessionSender);
  expect(hasTimer()).toBe(true);
  standBy.stop("The broadcast has ended.");
  expect(hasTimer()).toBe(false);
});
