/** The files of broadcasts that this isolate has no replica of: requests for others are refused without asking upstream. */

import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import { MembershipCache } from "../../core/access/workerd/membership-cache.ts";
import type { EdgeStream } from "../../core/delivery/edge-stream.ts";
import type { BroadcastOutline } from "../../core/delivery/upstream-node.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import type { BroadcastId, StreamName } from "../../core/kit/ids.ts";
import { computeFollowerWaitMs, SingleFlight } from "../../core/kit/single-flight.ts";
import type { MediaPath } from "../../core/media/hls/media-path.ts";
import { type PullContext, Puller } from "./puller.ts";

/** Bounds, each with its reason. */
const OUTLINE_LIMITS = {
  /** Outlines held, of some 100 bytes a track. */
  outlines: 512,
  /** A complete outline doesn't change. */
  completeTtlMs: 300_000,
  /** Until all is stored, an outline grows by a segment every few seconds. */
  incompleteTtlMs: 1_000,
} as const;

/** What an isolate knows of one stream's broadcasts. */
interface KnownBroadcasts {
  readonly ids: MembershipCache;
  readonly outlineFlights: SingleFlight<BroadcastOutline | null>;
}

const knownBroadcasts = new WeakMap<EdgeStream, KnownBroadcasts>();
const cachedOutlines = new BoundedMap<string, { readonly outline: BroadcastOutline | null; readonly untilMs: number }>(
  OUTLINE_LIMITS.outlines,
);

/** Whether the stream may have such a file of a broadcast that has ended. Throws `UpstreamError` where no node above answers. */
export async function mayFileExist(context: PullContext, { broadcast, track, file }: MediaPath): Promise<boolean> {
  // Parts are kept only while a broadcast is live.
  if (file.kind === "part") return false;
  const known = (await findOutline(context, broadcast))?.tracks.find(({ name }) => name === track);
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

/** The outline of a broadcast of the stream, or null. Throws `UpstreamError` where no node above answers. */
export async function findOutline(context: PullContext, broadcast: BroadcastId): Promise<BroadcastOutline | null> {
  return (await isKnownBroadcast(context, broadcast)) ? loadOutline(context, broadcast) : null;
}

function isKnownBroadcast(context: PullContext, broadcast: BroadcastId): boolean | Promise<boolean> {
  const read = async (newest: boolean): Promise<FingerprintSet> =>
    FingerprintSet.decode(await new Puller(context).pullBroadcastIds(newest));
  return getKnownBroadcasts(context.edge).ids.hasMember({ ctx: context.ctx, readMembers: read }, broadcast);
}

async function loadOutline(context: PullContext, broadcast: BroadcastId): Promise<BroadcastOutline | null> {
  const { edge } = context;
  const { clock } = edge.platform;
  const key = outlineKey(edge.stream, broadcast);
  const held = cachedOutlines.get(key);
  if (held !== undefined && clock.nowMs() < held.untilMs) return held.outline;
  const flown = await getKnownBroadcasts(edge).outlineFlights.load(context.ctx, key, () =>
    new Puller(context).pullOutline(broadcast),
  );
  if (!flown.ok) throw flown.error;
  const outline = flown.value;
  const keptMs = outline?.whole === true ? OUTLINE_LIMITS.completeTtlMs : OUTLINE_LIMITS.incompleteTtlMs;
  cachedOutlines.set(key, { outline, untilMs: clock.nowMs() + keptMs });
  return outline;
}

function getKnownBroadcasts(edge: EdgeStream): KnownBroadcasts {
  const known = knownBroadcasts.get(edge);
  if (known !== undefined) return known;
  const made: KnownBroadcasts = {
    ids: new MembershipCache(edge.platform.clock),
    outlineFlights: new SingleFlight(edge.platform.clock, computeFollowerWaitMs()),
  };
  knownBroadcasts.set(edge, made);
  return made;
}

const outlineKey = (stream: StreamName, broadcast: BroadcastId): string => `${stream}/${broadcast}`;
