/** Which files there are of broadcasts that this isolate has no replica of: the rest is refused without asking anybody. */

import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import { MembershipCache } from "../../core/access/workerd/membership-cache.ts";
import type { EdgeStream } from "../../core/delivery/workerd/edge-stream.ts";
import type { BroadcastOutline } from "../../core/delivery/workerd/upstream-node.ts";
import type { BroadcastId, StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { SingleFlight } from "../../core/kit/workerd/single-flight.ts";
import type { MediaPath } from "../../core/media/hls/media-path.ts";
import { type PullContext, Puller } from "./puller.ts";

/** Bounds, each with its reason. */
const OUTLINE_LIMITS = {
  /** Outlines held, of some 100 bytes a track. */
  outlines: 512,
  /** A whole outline doesn't change. */
  completeTtlMs: 300_000,
  /** Until all is stored it grows by a segment every few seconds, and what isn't there may come. */
  incompleteTtlMs: 1_000,
  /** A follower waits so long for the leader of its flight before it asks itself. */
  coalescedWaitMs: 4_000,
} as const;

const broadcastIdCaches = new WeakMap<EdgeStream, MembershipCache>();
const flights = new SingleFlight<BroadcastOutline | null>(OUTLINE_LIMITS.coalescedWaitMs);
const cachedOutlines = new Map<string, { readonly outline: BroadcastOutline | null; readonly untilMs: number }>();

/** Whether the stream has such a file of a broadcast that is over. Throws `UpstreamError` where nobody can be asked. */
export async function mayFileExist(context: PullContext, { broadcast, track, file }: MediaPath): Promise<boolean> {
  // Parts are kept only while a broadcast is live.
  if (file.kind === "part" || !(await isKnownBroadcast(context, broadcast))) return false;
  const known = (await loadOutline(context, broadcast))?.tracks.find(({ name }) => name === track);
  if (known === undefined) return false;
  switch (file.kind) {
    case "playlist":
      return true;
    case "init":
      return known.inits.includes(file.version);
    case "segment":
      return file.msn <= known.lastMsn;
  }
}

function isKnownBroadcast(context: PullContext, broadcast: BroadcastId): boolean | Promise<boolean> {
  const { edge, ctx } = context;
  let set = broadcastIdCaches.get(edge);
  if (set === undefined) {
    set = new MembershipCache();
    broadcastIdCaches.set(edge, set);
  }
  const read = async (newest: boolean): Promise<FingerprintSet> =>
    FingerprintSet.decode(await new Puller(context).pullBroadcastIds(newest));
  return set.hasMember({ clock: systemPlatform.clock, ctx, readMembers: read }, broadcast);
}

async function loadOutline(context: PullContext, broadcast: BroadcastId): Promise<BroadcastOutline | null> {
  const key = outlineKey(context.edge.stream, broadcast);
  const held = cachedOutlines.get(key);
  if (held !== undefined && Date.now() < held.untilMs) return held.outline;
  const flown = await flights.load(context.ctx, key, () => new Puller(context).pullOutline(broadcast));
  if (!flown.ok) throw flown.error;
  const outline = flown.value;
  if (cachedOutlines.size >= OUTLINE_LIMITS.outlines) cachedOutlines.clear();
  const keptMs = outline?.whole === true ? OUTLINE_LIMITS.completeTtlMs : OUTLINE_LIMITS.incompleteTtlMs;
  cachedOutlines.set(key, { outline, untilMs: Date.now() + keptMs });
  return outline;
}

const outlineKey = (stream: StreamName, broadcast: BroadcastId): string => `${stream}/${broadcast}`;
