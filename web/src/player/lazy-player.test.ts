import { expect, test } from "vitest";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import type { SmoothPlayer } from "./delay-switch.ts";
import { LazyPlayer } from "./lazy-player.ts";
import type { PlayerReading } from "./player.ts";

const READING: PlayerReading = {
  ...{ rendition: "720p", targetS: 1, programTimeMs: 1, bandwidth: 9e6, edgeDistanceS: 1 },
};

/** A lazy player, whose code comes, or does not, when the test says so. */
function makeLazy(): {
  lazy: LazyPlayer;
  clock: VirtualClock;
  calls: string[];
  attempts: PromiseWithResolvers<SmoothPlayer>[];
  real: SmoothPlayer;
} {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const attempts: PromiseWithResolvers<SmoothPlayer>[] = [];
  const real: SmoothPlayer = {
    ...{ isRecording: false, isAtLiveEdge: true, retryNow: () => {}, seekToLive: () => {}, tick: () => {} },
    ...{ onStall: () => {}, read: () => READING },
    load: () => void calls.push("load"),
    loadAt: (programTimeMs) => void calls.push(`load at ${programTimeMs}`),
    stop: () => void calls.push("stop"),
  };
  const importPlayer = (): Promise<SmoothPlayer> => {
    const attempt = Promise.withResolvers<SmoothPlayer>();
    attempts.push(attempt);
    return attempt.promise;
  };
  const lazy = new LazyPlayer(importPlayer, { clock, random: () => 0.5, newId: () => "" });
  return { lazy, clock, calls, attempts, real };
}

test("code is loaded when the player is first wanted, and does then what is wanted last", async () => {
  const { lazy, clock, calls, attempts, real } = makeLazy();
  lazy.stop();
  expect([attempts.length, lazy.read().rendition, lazy.isAtLiveEdge]).toEqual([0, null, false]);
  lazy.load();
  lazy.loadAt(5_000);
  attempts[0]?.resolve(real);
  await clock.advance(0);
  expect([attempts.length, calls]).toEqual([1, ["load at 5000"]]);
  expect([lazy.read().rendition, lazy.isAtLiveEdge]).toEqual(["720p", true]);
  lazy.load();
  expect(calls).toEqual(["load at 5000", "load"]);
});

test("a player that is stopped before its code comes does nothing", async () => {
  const { lazy, clock, calls, attempts, real } = makeLazy();
  lazy.load();
  lazy.stop();
  attempts[0]?.resolve(real);
  await clock.advance(0);
  expect(calls).toEqual([]);
});

test("code that does not come is requested again while it is wanted", async () => {
  const { lazy, clock, calls, attempts, real } = makeLazy();
  lazy.load();
  attempts[0]?.reject(new Error("offline"));
  await clock.advance(2_000);
  expect(attempts.length).toBe(2);
  attempts[1]?.resolve(real);
  await clock.advance(0);
  expect(calls).toEqual(["load"]);

  const unwanted = makeLazy();
  unwanted.lazy.load();
  unwanted.attempts[0]?.reject(new Error("offline"));
  await unwanted.clock.advance(0);
  unwanted.lazy.stop();
  await unwanted.clock.advance(60_000);
  expect(unwanted.attempts.length).toBe(1);
});
