import { expect, test } from "vitest";
import { sleep } from "./clock.ts";
import { SingleFlight } from "./single-flight.ts";
import { VirtualClock } from "./virtual-clock.ts";

const ctx = { waitUntil: (work: Promise<unknown>): void => void work };

test("concurrent requests for a key get the value of one load", async () => {
  const flights = new SingleFlight<string>(new VirtualClock(), 1_000);
  const answer = Promise.withResolvers<string>();
  let loads = 0;
  const load = (): Promise<string> => {
    loads += 1;
    return answer.promise;
  };
  const results = [flights.load(ctx, "a", load), flights.load(ctx, "a", load), flights.load(ctx, "a", load)];
  answer.resolve("bytes");
  expect(await Promise.all(results)).toEqual(
    [false, true, true].map((coalesced) => ({ ok: true, value: "bytes", coalesced })),
  );
  expect(loads).toBe(1);
  expect(await flights.load(ctx, "a", async () => "next")).toEqual({ ok: true, value: "next", coalesced: false });
});

test("a failure reaches all followers, and the next request loads again", async () => {
  const flights = new SingleFlight<string>(new VirtualClock(), 1_000);
  const answer = Promise.withResolvers<string>();
  const results = [flights.load(ctx, "a", () => answer.promise), flights.load(ctx, "a", () => answer.promise)];
  const error = new Error("upstream is down");
  answer.reject(error);
  expect(await Promise.all(results)).toEqual([false, true].map((coalesced) => ({ ok: false, error, coalesced })));
  expect(await flights.load(ctx, "a", async () => "up")).toMatchObject({ ok: true, value: "up" });
});

test("a follower of a leader that never finishes loads by itself after its timeout, and leaves no timer", async () => {
  const clock = new VirtualClock();
  const flights = new SingleFlight<string>(clock, 1_000);
  void flights.load(ctx, "a", () => new Promise(() => {}));
  let result: unknown = null;
  void flights
    .load(ctx, "a", async () => "own")
    .then((flown) => {
      result = flown;
    });
  await clock.advance(999);
  expect(result).toBeNull();
  await clock.advance(1);
  expect(result).toEqual({ ok: true, value: "own", coalesced: false });
  await clock.advance(1_000);
  expect(clock.pendingTimers).toBe(0);
});

test("a load that is never answered ends, and so does what its request left in waitUntil", async () => {
  const clock = new VirtualClock();
  const flights = new SingleFlight<string>(clock, 1_000);
  const left: Promise<unknown>[] = [];
  const flown = flights.load({ waitUntil: (work) => left.push(work) }, "a", () => new Promise(() => {}));
  await clock.advance(2_000);
  expect(await flown).toMatchObject({ ok: false, error: { message: "no answer within 2000 ms" } });
  await Promise.all(left);
  expect(await flights.load(ctx, "a", async () => "next")).toMatchObject({ ok: true, value: "next" });
});

test("of many followers of a leader that never finishes, one loads and the others get its value", async () => {
  const clock = new VirtualClock();
  const flights = new SingleFlight<string>(clock, 1_000);
  void flights.load(ctx, "a", () => new Promise(() => {}));
  let loads = 0;
  const load = async (): Promise<string> => {
    loads += 1;
    await sleep(clock, 50);
    return "second";
  };
  const results = Array.from({ length: 20 }, () => flights.load(ctx, "a", load));
  await clock.advance(1_050);
  const coalesced = (await Promise.all(results)).map((result) => result.coalesced);
  expect(loads).toBe(1);
  expect(coalesced.filter((is) => !is)).toHaveLength(1);
});
