/** Profiles of streams at the gateway, through the data centre's cache: a page that many people open asks the Live object once. */
import { EMPTY_PROFILE, type PublicProfile, type StreamProfile } from "../../core/directory/stream-details.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { coalesceText, deleteCachedText } from "../kit/colo-cache.ts";

/** Seconds in a data centre's cache: a changed title is shown this late elsewhere. */
const CACHE_S = 3;

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

/** What everybody is shown of a profile: nothing of a stopped stream. */
export const shownProfile = ({ profile, stop }: PublicProfile): StreamProfile =>
  stop === null ? profile : EMPTY_PROFILE;

/** A profile has changed: this data centre reads it again. */
export function forgetProfile(stream: StreamName): Promise<void> {
  return deleteCachedText(cacheKey(stream));
}
