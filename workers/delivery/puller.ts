/** Pulls of objects that a feed does not carry: single flight in the isolate, then the data centre's cache, then the node above, or R2. */

import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import type { SegmentState } from "../../core/broadcast/segment.ts";
import { type CacheOutcome, countRequest, type RequestCounters } from "../../core/broadcast/stream-status.ts";
import type { EdgeStream } from "../../core/delivery/edge-stream.ts";
import { mediaObjectKey, playlistObjectKey } from "../../core/delivery/r2-keys.ts";
import { readR2Object } from "../../core/delivery/r2-reads.ts";
import type { NodeAddress } from "../../core/delivery/tree/node-address.ts";
import type { BroadcastOutline, StoredPlaylist, UpstreamNode } from "../../core/delivery/upstream-node.ts";
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import type { BroadcastId, TrackName } from "../../core/kit/ids.ts";
import { computeFollowerWaitMs, SingleFlight } from "../../core/kit/single-flight.ts";
import { SizedCache } from "../../core/kit/sized-cache.ts";
import type { WaitUntilContext } from "../../core/kit/wait-until.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import type { Env } from "../env.ts";
import { readBytesThroughCache } from "../kit/colo-cache.ts";
import { cacheRecording, getCachedRecording, type PreparedPlaylist, preparePlaylist } from "./recording-cache.ts";

/** An object and the tiers that were asked for it, the nearest to the origin first, in RFC 9211's terms. */
interface PulledObject<T> {
  readonly value: T | null;
  readonly tiers: readonly string[];
}

/** The result of a pull, and the request's outcome. */
export interface PullResult<T> extends PulledObject<T> {
  readonly outcome: CacheOutcome;
}

/** A failed pull with its `cause` and the request's `outcome`. */
export class PullError extends Error {
  override readonly name = "PullError";
  readonly outcome: CacheOutcome;

  constructor(outcome: CacheOutcome, cause: unknown) {
    super("a pull failed", { cause });
    this.outcome = outcome;
  }
}

/** The pulling request. */
export interface PullContext {
  readonly env: Env;
  readonly ctx: WaitUntilContext;
  readonly edge: EdgeStream;
}

/** Limits of pulls, each with its reason. */
const PULL_LIMITS = {
  /** Calls that the pull of a playlist may make: of the stored one, and of the Live object that renders a missing one. */
  playlistCalls: 2,
  /** A segment missing in R2 is a gap. Missing segments are cached for this long. */
  missingSegmentMs: 10_000,
  /** A closed segment that neither the node above nor R2 has comes again with its publisher. */
  missingClosedSegmentMs: 1_000,
  /**
   * A broadcast that another has replaced has no playlist until its segments are stored, which all its viewers ask for. The
   * absence is cached for this long.
   */
  missingPlaylistMs: 2_000,
  missingObjects: 4_096,
  /** Pulled parts, closed segments and init sections of an isolate, which its next viewers ask for one after another. */
  pulledBytes: 8_388_608,
} as const;

const pulledObjects = new SizedCache<Uint8Array>(PULL_LIMITS.pulledBytes);
const missingUntilMs = new BoundedMap<string, number>(PULL_LIMITS.missingObjects);
const decoder = new TextDecoder();

/** The pulls of one stream in flight. */
interface PullFlights {
  readonly bytes: SingleFlight<PulledObject<Uint8Array>>;
  readonly playlists: SingleFlight<PulledObject<PreparedPlaylist>>;
}

const pullFlights = new WeakMap<EdgeStream, PullFlights>();

function getPullFlights(edge: EdgeStream): PullFlights {
  const known = pullFlights.get(edge);
  if (known !== undefined) return known;
  const { clock } = edge.platform;
  const made = {
    bytes: new SingleFlight<PulledObject<Uint8Array>>(clock, computeFollowerWaitMs()),
    playlists: new SingleFlight<PulledObject<PreparedPlaylist>>(
      clock,
      computeFollowerWaitMs(PULL_LIMITS.playlistCalls),
    ),
  };
  pullFlights.set(edge, made);
  return made;
}

/** A prepared playlist, cached if it cannot change. */
function prepareRecording(key: string, stored: StoredPlaylist): PreparedPlaylist {
  const playlist = preparePlaylist(stored);
  if (stored.ended) cacheRecording(key, playlist, stored.text.length);
  return playlist;
}

/** The pulls of one request. They throw `PullError`. */
export class Puller {
  readonly #context: PullContext;

  constructor(context: PullContext) {
    this.#context = context;
  }

  get #edge(): EdgeStream {
    return this.#context.edge;
  }

  /** A segment outside the window, or of an ended broadcast; a missing one is cached for a while. */
  pullPastSegment(broadcast: BroadcastId, track: TrackName, msn: number): Promise<PullResult<Uint8Array>> {
    const key = mediaObjectKey(this.#edge.stream, broadcast, track, `${msn}.m4s`);
    return this.#rememberMissing(key, PULL_LIMITS.missingSegmentMs, () => this.pullSegment(broadcast, track, msn));
  }

  /** A stored segment. */
  pullSegment(broadcast: BroadcastId, track: TrackName, msn: number): Promise<PullResult<Uint8Array>> {
    const key = mediaObjectKey(this.#edge.stream, broadcast, track, `${msn}.m4s`);
    return this.#coalesce(getPullFlights(this.#edge).bytes, key, () =>
      this.#readThroughCache(key, () => this.#readStored(key)),
    );
  }

  /** A closed segment that may not be stored yet; a missing one is cached briefly. */
  pullClosedSegment(broadcast: BroadcastId, track: TrackName, segment: SegmentState): Promise<PullResult<Uint8Array>> {
    const { msn, durable } = segment;
    if (durable) return this.pullSegment(broadcast, track, msn);
    const key = mediaObjectKey(this.#edge.stream, broadcast, track, `${msn}.m4s`);
    return this.#rememberMissing(`closed ${key}`, PULL_LIMITS.missingClosedSegmentMs, () =>
      this.#pullUnstoredSegment(broadcast, track, msn),
    );
  }

  async #pullUnstoredSegment(broadcast: BroadcastId, track: TrackName, msn: number): Promise<PullResult<Uint8Array>> {
    const pulled = await this.#pullMedia(`${broadcast}/${track}/${msn}`, (node) =>
      node.pullSegment(broadcast, track, msn),
    );
    if (pulled.value !== null) return pulled;
    const stored = await this.pullSegment(broadcast, track, msn);
    return pulled.outcome === "pulled" ? { ...stored, outcome: "pulled" } : stored;
  }

  /** A part that the tail lacks: cut from the stored segment, or pulled from the node above. */
  async pullPart(
    broadcast: BroadcastId,
    track: TrackName,
    segment: SegmentState,
    part: number,
  ): Promise<PullResult<Uint8Array>> {
    const { msn } = segment;
    if (segment.durable) {
      const { value, ...pulled } = await this.pullSegment(broadcast, track, msn);
      const from = segment.parts.slice(0, part).reduce((sum, { byteLength }) => sum + byteLength, 0);
      const length = segment.parts[part]?.byteLength ?? 0;
      return { ...pulled, value: value?.slice(from, from + length) ?? null };
    }
    return this.#pullMedia(`${broadcast}/${track}/${msn}.${part}`, (node) =>
      node.pullPart(broadcast, track, msn, part),
    );
  }

  /** An init section of any broadcast: those of a recording are asked for by each of its viewers. */
  pullInit(broadcast: BroadcastId, track: TrackName, version: number): Promise<PullResult<Uint8Array>> {
    const key = mediaObjectKey(this.#edge.stream, broadcast, track, `init-${version}.mp4`);
    return this.#pullOnce(key, () =>
      this.#readThroughCache(key, async () => {
        const pull = (node: UpstreamNode): Promise<Uint8Array | null> => node.pullInit(broadcast, track, version);
        const { address, value } = await this.#callParent(pull, this.#edge.counters.coloCacheCounters);
        return { value, tier: `corral-${address.tier}` };
      }),
    );
  }

  /** Ids of the stream's broadcasts: from the data centre's cache, unless the newest are required. */
  async pullBroadcastIds(newest: boolean): Promise<Uint8Array> {
    const { stream, counters } = this.#edge;
    const ask = async (): Promise<Uint8Array> => {
      const { value } = await this.#callParent((node) => node.pullBroadcasts(), counters.ownCounters);
      return value;
    };
    return newest
      ? ask()
      : readBytesThroughCache(this.#context.ctx, `broadcasts/${stream}`, REGISTRY_LIMITS.cacheS, ask);
  }

  /** The outline of a broadcast of the stream. */
  async pullOutline(broadcast: BroadcastId): Promise<BroadcastOutline | null> {
    const { value } = await this.#callParent((node) => node.pullOutline(broadcast), this.#edge.counters.ownCounters);
    return value;
  }

  /**
   * A playlist of any broadcast without a replica in this isolate. Playlists of an ended and stored broadcast are stored
   * too: the Live object renders and stores a missing one.
   */
  pullPlaylist(broadcast: BroadcastId, track: TrackName, file: PlaylistFile): Promise<PullResult<PreparedPlaylist>> {
    const key = playlistObjectKey(this.#edge.stream, broadcast, track, file);
    const kept = getCachedRecording(key);
    if (kept !== null) return Promise.resolve({ value: kept, tiers: ["corral-isolate; hit"], outcome: "hits" });
    const load = async (): Promise<PulledObject<PreparedPlaylist>> => {
      const stored = await this.#readThroughCache(key, () => this.#readStored(key));
      if (stored.value !== null)
        return { ...stored, value: prepareRecording(key, JSON.parse(decoder.decode(stored.value))) };
      const { counters } = this.#edge;
      const { address, value: pulled } = await this.#callParent(
        (node) => node.pullPlaylist(broadcast, track, file),
        counters.ownCounters,
      );
      if (pulled === null) return { value: null, tiers: [`corral-${address.tier}; fwd=miss`] };
      counters.countObject(key);
      return { value: prepareRecording(key, pulled), tiers: [`corral-${address.tier}; hit`] };
    };
    return this.#rememberMissing(key, PULL_LIMITS.missingPlaylistMs, () =>
      this.#coalesce(getPullFlights(this.#edge).playlists, key, load),
    );
  }

  /** Caches that an object is missing. */
  async #rememberMissing<T>(key: string, ttlMs: number, pull: () => Promise<PullResult<T>>): Promise<PullResult<T>> {
    const { clock } = this.#edge.platform;
    if (clock.nowMs() < (missingUntilMs.get(key) ?? 0)) return { value: null, tiers: [], outcome: "hits" };
    const pulled = await pull();
    if (pulled.value === null) missingUntilMs.set(key, clock.nowMs() + ttlMs);
    return pulled;
  }

  /** An object from the data centre's cache; on a miss this isolate reads it upstream and fills the cache. */
  async #readThroughCache(
    key: string,
    read: () => Promise<{ value: Uint8Array | null; tier: string }>,
  ): Promise<PulledObject<Uint8Array>> {
    const { counters } = this.#edge;
    counters.ownCounters.upstream += 1;
    const cacheKey = `https://media.corral.invalid/${key}`;
    const cached = await caches.default.match(cacheKey);
    if (cached !== undefined) {
      countRequest(counters.coloCacheCounters, "hits", 200);
      return { value: new Uint8Array(await cached.arrayBuffer()), tiers: ["corral-colo-cache; hit"] };
    }
    try {
      const { value, tier } = await read();
      countRequest(counters.coloCacheCounters, "pulled", value === null ? 404 : 200);
      if (value === null) return { value: null, tiers: [`${tier}; fwd=uri-miss`, "corral-colo-cache; fwd=uri-miss"] };
      counters.countCachedObject(key);
      counters.countObject(key);
      const headers = { "cache-control": "public, max-age=86400, immutable", "content-type": "video/mp4" };
      this.#context.ctx.waitUntil(caches.default.put(cacheKey, new Response(value, { headers })).catch(() => {}));
      return { value, tiers: [`${tier}; hit`, "corral-colo-cache; fwd=uri-miss; stored"] };
    } catch (error) {
      countRequest(counters.coloCacheCounters, "pulled", 503);
      throw error;
    }
  }

  /** A segment from R2, through the shield above if there is one: it reads R2 once for all its isolates. */
  async #readStored(key: string): Promise<{ value: Uint8Array | null; tier: string }> {
    const { counters, parent: above, clients } = this.#edge;
    if (above.address.tier !== "live") {
      const pull = async (node: UpstreamNode): Promise<Uint8Array | null> => (await node.pullStored?.(key)) ?? null;
      const { address, value } = await this.#callParent(pull, counters.coloCacheCounters);
      return { value, tier: `corral-${address.tier}` };
    }
    const value = await readR2Object(this.#context.env.MEDIA, counters, clients.r2, key, () => {
      counters.coloCacheCounters.upstream += 1;
    });
    return { value, tier: "corral-r2" };
  }

  /** Calls the node above, counted for the tier of `counters`; each attempt resolves it again. */
  async #callParent<T>(
    pull: (node: UpstreamNode) => Promise<T>,
    counters: RequestCounters,
  ): Promise<{ value: T; address: NodeAddress }> {
    const { clients } = this.#edge;
    let { address } = this.#edge.parent;
    const call = (): Promise<T> => {
      const { parent: above } = this.#edge;
      address = above.address;
      return pull(above.node);
    };
    const value = await clients.above.call(call, () => {
      counters.upstream += 1;
    });
    return { value, address };
  }

  /** Media of the current epoch that is not stored yet: another one may have other bytes in its place. */
  #pullMedia(
    object: string,
    pull: (node: UpstreamNode) => Promise<Uint8Array | null>,
  ): Promise<PullResult<Uint8Array>> {
    const { counters, currentReplica, stream } = this.#edge;
    return this.#pullOnce(`above ${stream}/${currentReplica?.epoch}/${object}`, async () => {
      const { address, value } = await this.#callParent(pull, counters.ownCounters);
      if (value !== null) counters.countObject(object);
      return { value, tiers: [`corral-${address.tier}; ${value === null ? "fwd=miss" : "hit"}`] };
    });
  }

  /** Bytes that this isolate loads once and keeps for a while. */
  async #pullOnce(key: string, load: () => Promise<PulledObject<Uint8Array>>): Promise<PullResult<Uint8Array>> {
    const kept = pulledObjects.get(key);
    if (kept !== null) return { value: kept, tiers: ["corral-isolate; hit"], outcome: "hits" };
    const pulled = await this.#coalesce(getPullFlights(this.#edge).bytes, key, load);
    if (pulled.value !== null) pulledObjects.add(key, pulled.value, pulled.value.byteLength);
    return pulled;
  }

  async #coalesce<T>(
    flights: SingleFlight<PulledObject<T>>,
    key: string,
    load: () => Promise<PulledObject<T>>,
  ): Promise<PullResult<T>> {
    const flown = await flights.load(this.#context.ctx, key, load);
    const outcome = flown.coalesced ? "coalesced" : "pulled";
    if (!flown.ok) throw new PullError(outcome, flown.error);
    const { value, tiers } = flown.value;
    const collapsed = flown.coalesced ? "; collapsed" : "";
    return { value, tiers: [...tiers, `corral-isolate; fwd=uri-miss${collapsed}`], outcome };
  }
}
