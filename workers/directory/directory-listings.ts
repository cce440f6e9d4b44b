/** The directory at the gateway: all of its objects' lists as one, through the data centre's cache. */
import { type DirectoryListing, directoryObjectName } from "../../core/directory/directory-card.ts";
import { DIRECTORY_LIMITS } from "../../core/directory/directory-limits.ts";
import { mergeListings } from "../../core/directory/directory-pages.ts";
import { type Clock, withTimeout } from "../../core/kit/clock.ts";
import type { Env } from "../env.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { coalesceText } from "../kit/colo-cache.ts";

/** The isolate's copy. */
let copy: { readonly listing: DirectoryListing; readonly atMs: number } | null = null;

/** The lists; an older copy if no object answers. Throws if there is none. */
export async function fetchDirectory({ env, ctx, platform }: RequestScope): Promise<DirectoryListing> {
  const nowMs = platform.clock.monotonicMs();
  if (copy !== null && nowMs - copy.atMs < DIRECTORY_LIMITS.isolateMs) return copy.listing;
  const flown = await coalesceText(ctx, "directory", async () => ({
    text: JSON.stringify(await readAllShards(env, platform.clock)),
    maxAgeS: DIRECTORY_LIMITS.cacheS,
  }));
  if (flown.ok) {
    copy = { listing: JSON.parse(flown.value.text) as DirectoryListing, atMs: nowMs };
    return copy.listing;
  }
  if (copy === null) throw flown.error;
  return copy.listing;
}

function readAllShards(env: Env, clock: Clock): Promise<DirectoryListing> {
  const calls = Array.from({ length: DIRECTORY_LIMITS.shards }, async (_, shard) =>
    env.DIRECTORY.getByName(directoryObjectName(shard)).list(),
  );
  return joinListings(calls, clock);
}

/**
 * The lists of all objects, each of which was called once. The streams of one that fails, or does not answer within
 * `DIRECTORY_LIMITS.callMs`, are missing; rejects if none answers.
 */
export async function joinListings(
  calls: readonly Promise<DirectoryListing>[],
  clock: Clock,
): Promise<DirectoryListing> {
  const late = (): never => {
    throw new Error(`no answer within ${DIRECTORY_LIMITS.callMs} ms`);
  };
  const results = await Promise.allSettled(
    calls.map((call) => withTimeout(clock, DIRECTORY_LIMITS.callMs, call, late)),
  );
  const failed = results.filter((result) => result.status === "rejected");
  const listings = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (listings.length === 0) throw failed[0]?.reason;
  if (failed.length > 0) console.warn(`${failed.length} objects of the directory did not answer`, failed[0]?.reason);
  return mergeListings(listings);
}
