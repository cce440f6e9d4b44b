/** Which files there are of broadcasts that this isolate has no replica of: the rest is refused without asking anybody. */
import type { BroadcastId, StreamName } from "../../protocol/ids.ts";
import { Fingerprints } from "../../protocol/registry/fingerprints.ts";
import { KnownSet } from "../../tiers/known-set.ts";
import type { BroadcastOutline } from "../../tiers/node.ts";
import { SingleFlight } from "../../tiers/single-flight.ts";
import type { StreamEdge } from "../../tiers/stream-edge.ts";
import type { MediaPath } from "../media-path.ts";
import { type Asking, Puller } from "./pulls.ts";

/** Bounds, each with its reason. */
const LIMITS = {
  /** Outlines held, of some 100 bytes a track. */
  outlines: 512,
  /** A whole outline doesn't change. */
  wholeMs: 300_000,
  /** Until all is stored it grows by a segment every few seconds, and what isn't there may come. */
  growingMs: 1_000,
  /** A follower waits so long for the leader of its flight before it asks itself. */
  flightMs: 4_000,
} as const;

const ids = new WeakMap<StreamEdge, KnownSet>();
const flights = new SingleFlight<BroadcastOutline | null>(LIMITS.flightMs);
const outlines = new Map<string, { readonly outline: BroadcastOutline | null; readonly untilMs: number }>();

/** Whether the stream has such a file of a broadcast that is over. Throws `UpstreamError` where nobody can be asked. */
export async function mayExist(asking: Asking, { broadcast, track, file }: MediaPath): Promise<boolean> {
  // Parts are kept only while a broadcast is live.
  if (file.kind === "part" || !(await isBroadcast(asking, broadcast))) return false;
  const known = (await outlineOf(asking, broadcast))?.tracks.find(({ name }) => name === track);
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

function isBroadcast(asking: Asking, broadcast: BroadcastId): boolean | Promise<boolean> {
  const { edge, life } = asking;
  let set = ids.get(edge);
  if (set === undefined) {
    set = new KnownSet();
    ids.set(edge, set);
  }
  const read = async (newest: boolean): Promise<Fingerprints> =>
    Fingerprints.decode(await new Puller(asking).broadcasts(newest));
  return set.has({ life, read }, broadcast);
}

async function outlineOf(asking: Asking, broadcast: BroadcastId): Promise<BroadcastOutline | null> {
  const key = keyOf(asking.edge.stream, broadcast);
  const held = outlines.get(key);
  if (held !== undefined && Date.now() < held.untilMs) return held.outline;
  const flown = await flights.get(asking.life, key, () => new Puller(asking).outline(broadcast));
  if (!flown.ok) throw flown.error;
  const outline = flown.value;
  if (outlines.size >= LIMITS.outlines) outlines.clear();
  const keptMs = outline?.whole === true ? LIMITS.wholeMs : LIMITS.growingMs;
  outlines.set(key, { outline, untilMs: Date.now() + keptMs });
  return outline;
}

const keyOf = (stream: StreamName, broadcast: BroadcastId): string => `${stream}/${broadcast}`;
