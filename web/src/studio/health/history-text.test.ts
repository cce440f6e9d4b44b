import { expect, test } from "vitest";
import { HISTORY_EVENT_KINDS } from "../../../../core/ingest/health/health-history.ts";
import { type PastBroadcast, parseHistoryAnswer } from "./history-answer.ts";
import { describePastBroadcast, listPastLines } from "./history-text.ts";

const broadcast = (over: Partial<PastBroadcast>): PastBroadcast => ({
  ...{ broadcast: "broadcast1", startedMs: 1_000, endedMs: 9_000, peakViewers: 3, interruptions: 0, isMeasured: true },
  checks: { info: 0, warning: 0, error: 0 },
  ...over,
});
const checks = (info: number, warning: number, error: number): Pick<PastBroadcast, "checks"> => ({
  checks: { info, warning, error },
});

test("a past broadcast has a verdict in a sentence, by the worst that happened", () => {
  const say = (over: Partial<PastBroadcast>): string => {
    const { word, sentence } = describePastBroadcast(broadcast(over));
    return `${word}: ${sentence}`;
  };
  expect(say({})).toBe("Good: The encoder’s media arrived as it should.");
  expect(say(checks(3, 0, 0))).toBe("Good: The encoder’s media arrived as it should.");
  expect(say(checks(0, 1, 0))).toBe("Fair: One warning cost quality or delay.");
  expect(say({ ...checks(0, 2, 0), interruptions: 2 })).toBe(
    "Fair: 2 warnings cost quality or delay. Its publisher was lost 2 times.",
  );
  expect(say(checks(0, 2, 1))).toBe("Bad: One error harmed what viewers saw, and 2 warnings cost quality or delay.");
  expect(say({ interruptions: 1, isMeasured: false })).toBe("Fair: Its publisher was lost once.");
  expect(say({ isMeasured: false })).toBe("Not measured: No ingest node measured it.");
});

test("checks and events are told in the order of their times", () => {
  const lines = listPastLines({
    checks: [
      { check: "no-data", severity: "error", say: "Nothing comes.", raisedMs: 5_000, clearedMs: null },
      { check: "starved", severity: "warning", say: "Too little comes.", raisedMs: 2_000, clearedMs: 14_000 },
    ],
    events: [
      { atMs: 9_000, kind: "ingest-disconnected", detail: "lost" },
      { atMs: 1_000, kind: "ingest-connected", detail: "srt" },
    ],
  });
  expect(lines.map(({ severity, text }) => [severity, text])).toEqual([
    [null, "An encoder connected by SRT."],
    ["warning", "Too little comes. It lasted 12 s."],
    ["error", "Nothing comes. It is still so."],
    [null, "The encoder’s connection broke."],
  ]);
});

test("every kind of event has a sentence, and an unknown one its name", () => {
  const say = (kind: string): string =>
    listPastLines({ checks: [], events: [{ atMs: 0, kind, detail: null }] })[0]?.text ?? "";
  for (const kind of HISTORY_EVENT_KINDS) expect(say(kind)).toMatch(/^[A-Z].*\.$/);
  expect(say("of-a-later-release")).toBe("of-a-later-release");
});

test("an answer is parsed, without what is malformed", () => {
  const figures = { bitsPerSecond: 6e6, framesPerSecond: null, roundTripMs: 20, lossShare: null, delayMs: 180 };
  const told = { viewerDelayMs: 1_900, stalledShare: null };
  const sample = { atMs: 60_000, viewers: 4, ...figures, ...told };
  const check = { check: "starved", severity: "error", say: "Slow.", raisedMs: 1, clearedMs: null };
  const event = { atMs: 5, kind: "broadcast-started", detail: null };
  const lists = { broadcasts: [broadcast({})], checks: [check], events: [event], samples: [sample] };
  const answer = { stepMs: 60_000, isCut: false, ...lists };
  expect(parseHistoryAnswer(JSON.parse(JSON.stringify(answer)))).toEqual(answer);
  const broken = {
    ...{
      stepMs: 60_000,
      broadcasts: [null, {}],
      checks: [{ ...check, severity: "fine" }],
      events: [7],
      samples: "none",
    },
  };
  expect(parseHistoryAnswer(broken)).toEqual({
    ...{ stepMs: 60_000, isCut: false, broadcasts: [], checks: [], events: [], samples: [] },
  });
  expect(parseHistoryAnswer(null)).toBeNull();
  expect(parseHistoryAnswer({ broadcasts: [] })).toBeNull();
});
