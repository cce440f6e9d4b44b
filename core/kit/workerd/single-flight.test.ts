import { expect, test } from "vitest";
import { SingleFlight } from "./single-flight.ts";

const life = { waitUntil: (work: Promise<unknown>): void => void work };

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  return Promise.withResolvers<T>();
}

test("all who ask while a flight is under way get its value, and one load is made", async () => {
  const flights = new SingleFlight<string>(1_000);
  const answer = deferred<string>();
  let loads = 0;
  const load = (): Promise<string> => {
    loads += 1;
    return answer.promise;
  };
  const asked = [flights.load(life, "a", load), flights.load(life, "a", load), flights.load(life, "a", load)];
  answer.resolve("bytes");
  const got = await Promise.all(asked);
  expect(got).toEqual([false, true, true].map((coalesced) => ({ ok: true, value: "bytes", coalesced })));
  expect(loads).toBe(1);
  await flights.load(life, "a", async () => "again");
  expect(loads).toBe(1);
});

test("a failure reaches all who waited for it, and the next one tries again", async () => {
  const flights = new SingleFlight<string>(1_000);
  const answer = deferred<string>();
  const asked = [flights.load(life, "a", () => answer.promise), flights.load(life, "a", () => answer.promise)];
  const error = new Error("upstream is down");
  answer.reject(error);
  expect(await Promise.all(asked)).toEqual([false, true].map((coalesced) => ({ ok: false, error, coalesced })));
  expect(await flights.load(life, "a", async () => "up")).toMatchObject({ ok: true, value: "up" });
});

test("a follower whose leader never comes back goes itself", async () => {
  const flights = new SingleFlight<string>(10);
  void flights.load(life, "a", () => new Promise(() => {}));
  expect(await flights.load(life, "a", async () => "mine")).toEqual({ ok: true, value: "mine", coalesced: false });
});
