import { expect, test } from "vitest";
import type { StopNotice } from "../../../core/access/stream-stop.ts";
import {
  hasNewerBroadcast,
  initialWatchView,
  isAboutToStart,
  reduceWatchView,
  type WatchEvent,
  type WatchSource,
  type WatchView,
} from "./watch-state.ts";

const live = (broadcast: string): WatchEvent => ({ type: "source", source: { state: "live", broadcast } });
const source = (state: "reconnecting" | "ended", broadcast: string): WatchEvent => ({
  type: "source",
  source: { state, broadcast },
});
const none: WatchEvent = { type: "source", source: { state: "none" } satisfies WatchSource };
const moving: WatchEvent = { type: "moving", recording: false };
const recording: WatchEvent = { type: "moving", recording: true };
const stuck: WatchEvent = { type: "stuck" };

const after = (...events: readonly WatchEvent[]): WatchView => events.reduce(reduceWatchView, initialWatchView(true));

test("a page opened on a live stream loads once and becomes live with its first picture", () => {
  expect(after(live("a"))).toMatchObject({ phase: "starting", loadCount: 1, loadedBroadcast: "a" });
  expect(after(live("a"), moving)).toMatchObject({ phase: "live", loadCount: 1 });
  expect(after(moving, live("a"))).toMatchObject({ phase: "live", loadCount: 1 });
});

const notice: StopNotice = { category: "legal", reason: "A court has ordered this.", until: null };
const stopped: WatchEvent = { type: "source", source: { state: "live", broadcast: "a" }, stop: notice };

test("a stop removes the picture in any state, with the reason, and no other event restores it", () => {
  const before: readonly WatchEvent[][] = [
    [],
    [live("a")],
    [live("a"), moving],
    [live("a"), moving, stuck],
    [source("ended", "a"), recording],
    [{ type: "missing" }, none],
    [{ type: "crowded" }],
    [{ type: "failed", error: "It failed." }],
  ];
  const rest: readonly WatchEvent[] = [
    moving,
    recording,
    stuck,
    { type: "missing" },
    { type: "crowded" },
    { type: "finished" },
    { type: "failed", error: "It failed." },
    { type: "retry" },
    { type: "watchAgain" },
    { type: "watchLive" },
    { type: "stopped" },
    stopped,
  ];
  for (const events of before) {
    expect(after(...events, { type: "stopped" })).toMatchObject({ phase: "stopped", stopNotice: null });
    const stoppedView = after(...events, { type: "stopped" }, stopped);
    expect(stoppedView).toMatchObject({ phase: "stopped", stopNotice: notice });
    expect(after(...events, stopped)).toMatchObject({ phase: "stopped", stopNotice: notice });
    for (const event of rest) expect(reduceWatchView(stoppedView, event)).toBe(stoppedView);
  }
});

test("when a stop is undone the page loads the current media, or waits for it", () => {
  const before = after(live("a"), moving, stopped);
  expect(reduceWatchView(before, live("a"))).toMatchObject({
    phase: "starting",
    loadCount: before.loadCount + 1,
    loadedBroadcast: "a",
    stopNotice: null,
  });
  expect(reduceWatchView(before, live("b"))).toMatchObject({
    phase: "starting",
    loadCount: before.loadCount + 1,
    loadedBroadcast: "b",
  });
  expect(reduceWatchView(before, none)).toMatchObject({
    phase: "waiting",
    loadCount: before.loadCount,
    stopNotice: null,
  });
});

test("a page opened before the broadcast waits, and loads when it begins", () => {
  const waiting = after({ type: "missing" }, none);
  expect(waiting).toMatchObject({ phase: "waiting", loadCount: 1 });
  expect(reduceWatchView(waiting, live("a"))).toMatchObject({ phase: "starting", loadCount: 2, loadedBroadcast: "a" });
});

test("a playlist that is missing although the API lists the broadcast is requested again at the next response", () => {
  const view = after(live("a"), { type: "missing" });
  expect(view.phase).toBe("waiting");
  expect(isAboutToStart(view)).toBe(true);
  expect(isAboutToStart(after({ type: "missing" }, none))).toBe(false);
  expect(reduceWatchView(view, live("a"))).toMatchObject({ phase: "starting", loadCount: 2 });
});

test("a refused viewer waits and is admitted on the same page, while a current viewer stays", () => {
  const queued = after(live("a"), { type: "crowded" });
  expect(queued).toMatchObject({ phase: "queued", loadCount: 1 });
  expect([live("a"), stuck].reduce(reduceWatchView, queued).phase).toBe("queued");
  expect(reduceWatchView(queued, moving).phase).toBe("live");
  expect(after(live("a"), moving, { type: "crowded" }).phase).toBe("live");
});

test("an invalid stream name stays unknown after any event", () => {
  expect([live("a"), moving, stuck].reduce(reduceWatchView, initialWatchView(false)).phase).toBe("unknown");
});

test("stopped pictures are a reconnection, and moving ones end it without a load", () => {
  const away = after(live("a"), moving, stuck);
  expect(away.phase).toBe("reconnecting");
  expect(reduceWatchView(away, moving)).toMatchObject({ phase: "live", loadCount: 1 });
});

test("a lost source changes nothing while buffered pictures move", () => {
  expect(after(live("a"), moving, source("reconnecting", "a")).phase).toBe("live");
});

test("the end is shown after the last picture, not when the API first reports it", () => {
  const view = after(live("a"), moving, source("ended", "a"), recording);
  expect(view.phase).toBe("live");
  expect(reduceWatchView(view, { type: "finished" }).phase).toBe("ended");
});

test("an end that the API reported before playback stopped is shown when it stops", () => {
  expect(after(live("a"), moving, source("ended", "a"), stuck).phase).toBe("ended");
  expect(after(live("a"), moving, stuck, source("ended", "a")).phase).toBe("ended");
  const late = after(source("ended", "a"), stuck);
  expect(late.phase).toBe("reconnecting");
  expect(reduceWatchView(late, source("ended", "a")).phase).toBe("ended");
});

test("an end during a reconnection is shown at once", () => {
  expect(after(live("a"), moving, stuck, source("ended", "a")).phase).toBe("ended");
});

test("a page opened on an ended stream plays the recording", () => {
  expect(after(source("ended", "a"), recording).phase).toBe("replay");
});

test("after the end the recording can be watched again", () => {
  const view = after(live("a"), moving, { type: "finished" }, { type: "watchAgain" });
  expect(view).toMatchObject({ phase: "starting", loadCount: 2, choseRecording: true });
  expect(reduceWatchView(view, recording).phase).toBe("replay");
});

test("a new broadcast after the end is loaded by itself", () => {
  const view = after(live("a"), moving, { type: "finished" }, source("ended", "a"), live("b"));
  expect(view).toMatchObject({ phase: "starting", loadCount: 2, loadedBroadcast: "b" });
});

test("a new broadcast interrupts a recording that was not requested", () => {
  expect(after(source("ended", "a"), recording, live("b"))).toMatchObject({ phase: "starting", loadedBroadcast: "b" });
});

test("a new broadcast is offered during a recording, and shown at its end", () => {
  const watching = after(source("ended", "a"), recording, { type: "finished" }, { type: "watchAgain" }, recording);
  const offered = reduceWatchView(watching, live("b"));
  expect(offered).toMatchObject({ phase: "replay", loadCount: watching.loadCount });
  expect(hasNewerBroadcast(offered)).toBe(true);
  expect(reduceWatchView(offered, { type: "watchLive" })).toMatchObject({ phase: "starting", loadedBroadcast: "b" });
  expect(reduceWatchView(offered, { type: "finished" })).toMatchObject({ phase: "starting", loadedBroadcast: "b" });
});

test("a failure stays until the viewer retries or another broadcast begins", () => {
  const failed = after(live("a"), { type: "failed", error: "no codec" });
  expect(reduceWatchView(failed, moving).phase).toBe("failed");
  expect(reduceWatchView(failed, { type: "retry" })).toMatchObject({ phase: "starting", loadCount: 2, error: null });
  expect(reduceWatchView(failed, live("b"))).toMatchObject({ phase: "starting", loadedBroadcast: "b" });
});

test("events without effect return the same object", () => {
  const view = after(live("a"), moving);
  for (const event of [moving, live("a"), { type: "autoplay", autoplay: "allowed" }] as const) {
    expect(reduceWatchView(view, event)).toBe(view);
  }
});

const named = (...events: readonly WatchEvent[]): WatchView =>
  events.reduce(reduceWatchView, initialWatchView(true, "old"));

test("an address that names a broadcast shows no other one, and offers what is live", () => {
  const watching = named(live("new"), recording);
  expect(watching).toMatchObject({ phase: "replay", loadCount: 1, loadedBroadcast: "old" });
  expect(hasNewerBroadcast(watching)).toBe(true);
  expect(reduceWatchView(watching, live("newer"))).toMatchObject({ phase: "replay", loadCount: 1 });
  const ended = reduceWatchView(watching, { type: "finished" });
  expect(ended).toMatchObject({ phase: "ended", loadCount: 1 });
  expect(reduceWatchView(ended, live("newest"))).toMatchObject({ phase: "ended", loadCount: 1 });
  const again = reduceWatchView(ended, { type: "watchAgain" });
  expect(again).toMatchObject({ phase: "starting", loadCount: 2, loadedBroadcast: "old" });
  expect(named(none, recording).phase).toBe("replay");
});

test("a named broadcast that does not exist is an error, whatever is live", () => {
  for (const events of [[], [live("new")], [none]] as const) {
    const failed = named(...events, { type: "missing" });
    expect(failed).toMatchObject({ phase: "failed", error: "The stream has no such recording." });
    expect(reduceWatchView(failed, live("newer"))).toMatchObject({ phase: "failed" });
  }
});

test("a named broadcast that is live is played, and its end ends it", () => {
  const watching = named(live("old"), moving);
  expect(watching).toMatchObject({ phase: "live", loadCount: 1 });
  const lost = reduceWatchView(watching, stuck);
  expect(reduceWatchView(lost, source("ended", "old")).phase).toBe("ended");
  expect(reduceWatchView(lost, live("new"))).toMatchObject({ phase: "reconnecting", loadCount: 1 });
});
