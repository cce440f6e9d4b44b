import { expect, test } from "vitest";
import { describeHealth, describeProblem } from "./golive-text.ts";
import { type GoLiveEvent, type GoLiveView, initialGoLiveView, isOnAir, reduceGoLiveView } from "./golive-view.ts";
import { splitKeyFragment } from "./page-key.ts";
import type { CaptureStatus, WorkerEvent } from "./worker/messages.ts";

const worker = (event: WorkerEvent, nowMs = 0): GoLiveEvent => ({ kind: "worker", event, nowMs });
const after = (...events: readonly GoLiveEvent[]): GoLiveView =>
  events.reduce(reduceGoLiveView, initialGoLiveView(true));
const READY: readonly GoLiveEvent[] = [
  { kind: "key-checking" },
  { kind: "preparing" },
  { kind: "devices-open", source: "camera" },
];
const LIVE: readonly GoLiveEvent[] = [...READY, { kind: "start", nowMs: 4_400 }, worker({ kind: "live" }, 5_000)];
const STATUS: CaptureStatus = {
  ...{ queueMs: 100, delayMs: 80, bitsPerSecond: 2_900_000, framesPerSecond: 30, isOverloaded: false },
  ...{ renditions: ["720p", "360p"], isTopDropped: false, isPaused: false, isSkipping: false, checks: [] },
};

test("a broadcast begins with its first part at the edge, and ends with its duration", () => {
  expect(after(...READY).phase).toBe("ready");
  expect(after(...READY, { kind: "start", nowMs: 4_400 }).phase).toBe("starting");
  const live = after(...LIVE);
  expect([live.phase, live.liveSinceMs, live.firstPartMs, isOnAir(live)]).toEqual(["live", 5_000, 600, true]);
  const ended = after(...LIVE, { kind: "end" }, worker({ kind: "ended" }, 65_000));
  expect([ended.phase, ended.lastedMs, isOnAir(ended)]).toEqual(["ended", 60_000, false]);
  expect(reduceGoLiveView(ended, { kind: "start", nowMs: 4_400 }).phase).toBe("starting");
});

test("a start without open devices does nothing, and neither does a second one", () => {
  for (const view of [initialGoLiveView(true), initialGoLiveView(false), after(...LIVE)])
    expect(reduceGoLiveView(view, { kind: "start", nowMs: 4_400 })).toBe(view);
});

test("a broadcast that was cancelled while it started is not told as live", () => {
  const ending = after(...READY, { kind: "start", nowMs: 4_400 }, { kind: "end" });
  expect(ending.phase).toBe("ending");
  expect(reduceGoLiveView(ending, worker({ kind: "live" })).phase).toBe("ending");
  expect(after(...READY, { kind: "start", nowMs: 4_400 }, { kind: "end" }, worker({ kind: "ended" })).phase).toBe(
    "ready",
  );
});

test("devices can be changed on the air, and one that fails ends nothing", () => {
  const changed = after(...LIVE, { kind: "preparing" }, { kind: "devices-open", source: "screen" });
  expect([changed.phase, changed.source]).toEqual(["live", "screen"]);
  const problem = { kind: "device-busy", reason: "" } as const;
  const failed = after(...LIVE, { kind: "devices-failed", problem });
  expect([failed.phase, failed.problem]).toEqual(["live", problem]);
  expect(after({ kind: "preparing" }, { kind: "devices-failed", problem }).phase).toBe("blocked");
});

test("each failure of the edge is a problem with its own advice", () => {
  const kindOf = (code: Extract<WorkerEvent, { kind: "failed" }>["code"], reason: string): string | undefined =>
    after(...LIVE, worker({ kind: "failed", code, reason })).problem?.kind;
  expect(kindOf("refused", "The edge refuses 720p part 3.1: 403 Wrong stream key.")).toBe("key-refused");
  expect(kindOf("refused", "409 Replaced: another encoder took over")).toBe("refused");
  expect(kindOf("already-live", "")).toBe("other-live");
  expect(kindOf("stopped", "")).toBe("stopped");
  expect(kindOf("network", "")).toBe("network-lost");
  expect(kindOf("encoder", "")).toBe("encoder-failed");
  const told = describeProblem({ kind: "stopped", reason: "Rights." });
  expect(told.advice).toContain("(Rights)");
});

test("what a worker tells after the end changes nothing", () => {
  const ended = after(...LIVE, worker({ kind: "ended" }, 9_000));
  for (const event of [{ kind: "ended" }, { kind: "status", status: STATUS }] as const)
    expect(reduceGoLiveView(ended, worker(event))).toBe(ended);
});

test("health is one good line, or what is the matter and what viewers get", () => {
  expect(describeHealth(STATUS, "webcodecs", false)).toEqual([
    { id: "good", severity: "good", text: "All is well: 720p and 360p, 2.9 Mb/s, 30 pictures a second." },
  ]);
  const reduced = describeHealth({ ...STATUS, isTopDropped: true, renditions: ["360p"] }, "webcodecs", false);
  expect(reduced[0]?.text).toMatch(/^The uplink is too slow .* Viewers get 360p;/);
  const paused = describeHealth({ ...STATUS, isPaused: true, isTopDropped: true }, "webcodecs", false);
  expect(paused.map(({ id }) => id)).toEqual(["paused"]);
});

test("a key is taken from the fragment, which loses it", () => {
  expect(splitKeyFragment("#key=corral_a_b")).toEqual({ key: "corral_a_b", rest: "" });
  expect(splitKeyFragment("#token=t&key=k")).toEqual({ key: "k", rest: "#token=t" });
  expect(splitKeyFragment("#token=t")).toEqual({ key: null, rest: "#token=t" });
  expect(splitKeyFragment(`#key=${"x".repeat(5_000)}`)).toEqual({ key: null, rest: "" });
});
