import { expect, test } from "vitest";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { EncodePlaces, type SparePlace } from "./encode-places.ts";

const clock = new VirtualClock();

/** What a holder of a place that it can spare was told. */
function takeSpare(places: EncodePlaces): { readonly told: boolean[]; readonly place: SparePlace | null } {
  const told: boolean[] = [];
  return { told, place: places.acquireSpare((isHeld) => void told.push(isHeld)) };
}

test("a place that can be spared is given up, and given back when one has been free for 5 s", async () => {
  const places = new EncodePlaces({ limit: 1, clock });
  const spare = takeSpare(places);
  expect([places.used, places.spared, places.hasRoom]).toEqual([1, 1, true]);
  const release = places.acquire();
  expect([places.used, places.spared, places.hasRoom, spare.told]).toEqual([1, 0, false, [false]]);
  expect(places.acquire()).toBeNull();
  await clock.advance(60_000);
  expect(spare.told).toEqual([false]);
  release?.();
  await clock.advance(4_900);
  expect([places.used, spare.told]).toEqual([0, [false]]);
  await clock.advance(200);
  expect([places.used, spare.told]).toEqual([1, [false, true]]);
  spare.place?.release();
  expect([places.used, clock.pendingTimers]).toEqual([0, 0]);
});

test("a broadcast that cannot do without is before those that wait for their place", async () => {
  const places = new EncodePlaces({ limit: 1, clock });
  const spare = takeSpare(places);
  const first = places.acquire();
  first?.();
  first?.();
  await clock.advance(4_000);
  const second = places.acquire();
  expect(second).not.toBeNull();
  await clock.advance(10_000);
  expect([places.used, spare.told]).toEqual([1, [false]]);
  second?.();
  spare.place?.release();
  await clock.advance(10_000);
  expect([places.used, spare.told, clock.pendingTimers]).toEqual([0, [false], 0]);
});

test("the newest gives its place up, the oldest gets one back, and nobody takes one that is awaited", async () => {
  const places = new EncodePlaces({ limit: 2, clock });
  const [old, young] = [takeSpare(places), takeSpare(places)];
  expect(takeSpare(places).place).toBeNull();
  const releases = [places.acquire(), places.acquire()];
  expect([old.told, young.told, places.acquire()]).toEqual([[false], [false], null]);
  releases[0]?.();
  expect(takeSpare(places).place).toBeNull();
  await clock.advance(6_000);
  expect([old.told, young.told]).toEqual([[false, true], [false]]);
  releases[1]?.();
  await clock.advance(6_000);
  expect([young.told, places.used]).toEqual([[false, true], 2]);
});
