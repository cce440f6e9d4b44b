import { expect, test } from "vitest";
import { initialWatchView, type WatchView } from "../player/watch-state.ts";
import { overlayMessage } from "./overlay-message.ts";

const WAITING: WatchView = { ...initialWatchView(true), phase: "waiting" };
const ABOUT = { title: "Concert", host: "Jun", avatar: null, startsAt: null, isUnknown: false };
const NOW = Date.parse("2026-12-01T12:00:00Z");

test("an announced broadcast of another year is announced with that year", () => {
  const detailOf = (startsAt: string): string | undefined =>
    overlayMessage(WAITING, { ...ABOUT, startsAt }, NOW)?.detail;
  expect(detailOf("2026-12-13T12:00:00Z")).not.toContain("2026");
  expect(detailOf("2037-06-07T12:00:00Z")).toContain("2037");
});

test("a recording that was chosen says nothing of a next broadcast", () => {
  const ended: WatchView = { ...initialWatchView(true, "abcdefgh12"), phase: "ended" };
  expect(overlayMessage(ended, ABOUT, NOW)).toEqual({ title: "The recording ends here", detail: "", busy: false });
});

test("before the first broadcast, an announced one, a stream without one and a name that nobody has are told apart", () => {
  expect(overlayMessage(WAITING, ABOUT, NOW)?.title).toBe("Concert isn’t live yet");
  expect(overlayMessage(WAITING, { ...ABOUT, isUnknown: true }, NOW)?.title).toBe("No such stream");
  expect(overlayMessage(WAITING, { ...ABOUT, startsAt: "2026-12-05T12:00:00Z" }, NOW)?.title).toBe("Concert");
});
