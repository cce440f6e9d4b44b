import { expect, test } from "vitest";
import { initialWatchView, type WatchPhase, type WatchView } from "../player/watch-state.ts";
import { type EmbedReading, embedEventsOf, embedStateOf } from "./embed-state.ts";

const viewOf = (phase: WatchPhase, error: string | null = null): WatchView => ({
  ...initialWatchView(true),
  ...{ phase, error },
});
const readingOf = (phase: WatchPhase, more: Partial<EmbedReading> = {}): EmbedReading => ({
  ...{ view: viewOf(phase), isHeld: false, paused: false, muted: false, volume: 1 },
  ...more,
});

test("a player that waits for its viewer is idle until it begins, but says what its stream is", () => {
  expect(embedStateOf(readingOf("starting", { isHeld: true }))).toBe("idle");
  expect(embedStateOf(readingOf("starting"))).toBe("loading");
  expect(embedStateOf(readingOf("waiting", { isHeld: true }))).toBe("waiting");
  expect(embedStateOf(readingOf("live", { paused: true }))).toBe("paused");
});

test("the page is told each change once, and an end or an error besides", () => {
  const live = readingOf("live");
  expect(embedEventsOf(null, live)).toEqual([
    { type: "state", state: "playing", isLive: true, muted: false, volume: 1 },
  ]);
  expect(embedEventsOf(live, { ...live, view: { ...live.view, loadCount: 7 } })).toEqual([]);
  expect(embedEventsOf(live, { ...live, muted: true })).toMatchObject([{ type: "state", muted: true }]);
  expect(embedEventsOf(live, { ...live, volume: 0.5 })).toMatchObject([{ type: "state", volume: 0.5 }]);
  expect(embedEventsOf(live, readingOf("ended")).map(({ type }) => type)).toEqual(["state", "ended"]);
  const failed = readingOf("failed", { view: viewOf("failed", "No codec.") });
  expect(embedEventsOf(live, failed)[1]).toEqual({ type: "error", message: "No codec." });
  expect(embedEventsOf(failed, { ...failed, muted: true }).map(({ type }) => type)).toEqual(["state"]);
});
