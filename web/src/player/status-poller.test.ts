import { afterEach, expect, test, vi } from "vitest";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import { StatusPoller, type WatchStatus } from "./status.ts";
import type { WatchPhase } from "./watch-state.ts";

const BODY = { state: "live", broadcast: "b1", startedAt: 1000, viewers: { current: 3, peak: 9 }, tracks: [] };

afterEach(() => vi.unstubAllGlobals());

/** A poller of a page that plays; the network answers at once. */
function makePoller(
  phase: WatchPhase = "live",
  isHeld = () => false,
): {
  clock: VirtualClock;
  poller: StatusPoller;
  requests: () => number;
  statuses: WatchStatus[];
  rest: (isResting: boolean) => void;
} {
  const clock = new VirtualClock();
  const statuses: WatchStatus[] = [];
  const answer = vi.fn(async () => Response.json(BODY));
  vi.stubGlobal("fetch", answer);
  let isResting = false;
  const poller = new StatusPoller({
    ...{ url: "/api/streams/show", phase: () => phase, isResting: () => isResting, isHeld },
    onStatus: (status) => statuses.push(status),
    platform: { clock, random: () => 0.5, newId: () => "" },
  });
  const rest = (wanted: boolean): void => {
    isResting = wanted;
  };
  return { clock, poller, requests: () => answer.mock.calls.length, statuses, rest };
}

test("regular polls rest as long as the media bring the status, and return by themselves", async () => {
  const { clock, poller, requests, rest } = makePoller();
  poller.pollNow();
  await clock.advance(60_000);
  expect(requests()).toBeGreaterThan(3);
  rest(true);
  await clock.advance(15_000);
  const before = requests();
  await clock.advance(3_600_000);
  expect(requests()).toBe(before);
  // What the page asks for is asked for.
  poller.pollSoon();
  await clock.advance(2_000);
  expect(requests()).toBe(before + 1);
  rest(false);
  await clock.advance(15_000);
  expect(requests()).toBeGreaterThan(before + 1);
});

test("a status that the media brought is read as the API's answer, and sets the server's clock to within its journey", async () => {
  const { clock, poller, statuses } = makePoller();
  const askedMs = clock.nowMs();
  await clock.advance(80);
  poller.accept({ body: BODY, atMs: askedMs + 40 + 90_000, askedMs });
  expect(statuses.at(-1)?.audience).toEqual({ watching: 3, peak: 9 });
  expect(Math.abs(poller.serverNowMs() - (clock.nowMs() + 90_000))).toBeLessThanOrEqual(41);
  poller.accept({ body: { state: "odd" }, atMs: Number.NaN, askedMs });
  expect(statuses.length).toBe(1);
});

test("what is held before its start asks as seldom as what plays, and more often once it begins", async () => {
  let isHeld = true;
  const { clock, poller, requests } = makePoller("starting", () => isHeld);
  poller.pollNow();
  await clock.advance(120_000);
  const held = requests();
  expect(held).toBeLessThanOrEqual(13);
  expect(held).toBeGreaterThan(7);
  isHeld = false;
  await clock.advance(120_000);
  expect(requests() - held).toBeGreaterThan(23);
});
