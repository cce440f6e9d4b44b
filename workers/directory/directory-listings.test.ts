import { expect, test } from "vitest";
import type { DirectoryListing } from "../../core/directory/directory-card.ts";
import { DIRECTORY_LIMITS } from "../../core/directory/directory-limits.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { joinListings } from "./directory-listings.ts";

const listing = (stream: string): DirectoryListing =>
  ({ live: [{ stream, viewers: 1, atMs: 0 }], upcoming: [], replays: [] }) as unknown as DirectoryListing;
const silent = new Promise<never>(() => {});

test("an object that does not answer, or fails, leaves only its own streams out, after a bounded wait", async () => {
  const clock = new VirtualClock();
  const joined = joinListings([Promise.resolve(listing("a")), silent, Promise.reject(new Error("gone"))], clock);
  await clock.advance(DIRECTORY_LIMITS.callMs);
  expect((await joined).live.map(({ stream }) => stream)).toEqual(["a"]);
});

test("without any answer there are no lists", async () => {
  const clock = new VirtualClock();
  const refused = expect(joinListings([silent, silent], clock)).rejects.toThrow("no answer");
  await clock.advance(DIRECTORY_LIMITS.callMs);
  await refused;
});
