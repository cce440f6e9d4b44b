/** Profiles of streams at the gateway, through the data centre's cache: a page that many people open asks the Live object once. */
import { EMPTY_PROFILE, type PublicProfile, type StreamProfile } from "../../core/directory/stream-details.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import { withTimeout } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { coalesceText, deleteCachedText } from "../kit/colo-cache.ts";

/** Seconds in a data centre's cache. */
const CACHE_S = 3;

/** Profiles that this isolate has shown on pages. */
const SHOWN_LIMITS = {
  profiles: 512,
  /** Younger ones are as fresh as those in the data centre's cache. */
  freshMs: CACHE_S * 1_000,
  /**
   * A page shows one of this age at once, and the next page a newer one. It may have been in the data centre's cache before, so a
   * change is seen ten seconds late at most.
   */
  staleMs: 10_000 - CACHE_S * 1_000,
} as const;

const shownProfiles = new BoundedMap<StreamName, { readonly profile: PublicProfile; readonly readMs: number }>(
  SHOWN_LIMITS.profiles,
);

const cacheKey = (stream: StreamName): string => `${stream}/profile`;

/** A stream's profile; null: no such name is registered. Throws if the Live object, or the registry, does not answer. */
export async function fetchProfile(scope: RequestScope, stream: StreamName): Promise<PublicProfile | null> {
  if (!(await isStreamRegistered(scope, stream))) return null;
  const { env, ctx } = scope;
  const flown = await coalesceText(ctx, cacheKey(stream), async () => ({
    text: JSON.stringify(await env.LIVE.getByName(stream).profile()),
    maxAgeS: CACHE_S,
  }));
  if (!flown.ok) throw flown.error;
  return JSON.parse(flown.value.text) as PublicProfile;
}

/**
 * A stream's profile for an answer that waits for it at most `waitMs`: what this isolate has shown a moment ago at once, and it
 * is read again behind the answer. `late`: it did not come in time. Never rejects.
 */
export async function fetchPageProfile(
  scope: RequestScope,
  stream: StreamName,
  waitMs: number,
): Promise<PublicProfile | null | "late"> {
  const { clock } = scope.platform;
  const shown = shownProfiles.get(stream);
  const ageMs = shown === undefined ? Number.POSITIVE_INFINITY : clock.nowMs() - shown.readMs;
  if (shown !== undefined && ageMs < SHOWN_LIMITS.freshMs) return shown.profile;
  const reading = readShownProfile(scope, stream);
  scope.ctx.waitUntil(reading);
  if (shown !== undefined && ageMs < SHOWN_LIMITS.staleMs) return shown.profile;
  return withTimeout(clock, waitMs, reading, () => "late" as const);
}

async function readShownProfile(scope: RequestScope, stream: StreamName): Promise<PublicProfile | null | "late"> {
  const readMs = scope.platform.clock.nowMs();
  try {
    const profile = await fetchProfile(scope, stream);
    if (profile === null) shownProfiles.delete(stream);
    else shownProfiles.set(stream, { profile, readMs });
    return profile;
  } catch (error) {
    console.warn("a stream's details cannot be read", error);
    return "late";
  }
}

/** What everybody is shown of a profile: nothing of a stopped stream. */
export const shownProfile = ({ profile, stop }: PublicProfile): StreamProfile =>
  stop === null ? profile : EMPTY_PROFILE;

/** A profile has changed: this isolate and this data centre's cache read it again; other isolates and data centres as it ages. */
export function forgetProfile(stream: StreamName): Promise<void> {
  shownProfiles.delete(stream);
  return deleteCachedText(cacheKey(stream));
}
