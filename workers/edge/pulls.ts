/** What a feed doesn't hold, pulled: single flight in the isolate, then the data centre's cache, then the node above, or R2. */
import type { SegmentState } from "../../protocol/broadcast/log.ts";
import type { PlaylistFile } from "../../protocol/hls/paths.ts";
import type { BroadcastId, TrackName } from "../../protocol/ids.ts";
import { mediaKey, playlistKey } from "../../protocol/publish/keys.ts";
import { REGISTRY_LIMITS } from "../../protocol/registry/limits.ts";
import { type Counters, countAnswer, type Outcome } from "../../protocol/status.ts";
import type { Address } from "../../protocol/tree/address.ts";
import type { BroadcastOutline, FeedNode, StoredPlaylist } from "../../tiers/node.ts";
import { SingleFlight } from "../../tiers/single-flight.ts";
import { readStored } from "../../tiers/stored.ts";
import type { Lifetime, StreamEdge } from "../../tiers/stream-edge.ts";
import { bytesThroughCache } from "../colo-cache.ts";
import type { Env } from "../env.ts";
import { keepRecording, keptRecording, type ReadyPlaylist, readyPlaylist } from "./recordings.ts";

/** Bytes and the tiers that were asked for them, the one nearest to the origin first, in RFC 9211's terms. */
export interface Pulled<T> {
  readonly value: T | null;
  readonly tiers: readonly string[];
}

/** Who pulls: a request, which is told how it came by its answer. */
export interface Asking {
  readonly env: Env;
  readonly life: Lifetime;
  readonly edge: StreamEdge;
  outcome: Outcome;
}

/** A follower waits so long for the leader of its flight before it asks itself. */
const FLIGHT_MS = 4_000;

/** A segment that R2 lacks is one that never came: a gap. That is remembered so long, of so many. */
const MISSING_MS = 10_000;
const MOST_MISSING = 4_096;

const missing = new Map<string, number>();
const bytesFlights = new SingleFlight<Pulled<Uint8Array>>(FLIGHT_MS);
const playlistFlights = new SingleFlight<Pulled<ReadyPlaylist>>(FLIGHT_MS);
const decoder = new TextDecoder();

/** A playlist as it came, kept where it will not change. */
function ready(key: string, stored: StoredPlaylist): ReadyPlaylist {
  const playlist = readyPlaylist(stored);
  if (stored.ended) keepRecording(key, playlist, stored.text.length);
  return playlist;
}

/** The pulls of one request. */
export class Puller {
  readonly #asking: Asking;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  get #edge(): StreamEdge {
    return this.#asking.edge;
  }

  /** A segment that has left the window, or of a broadcast that is over; that it isn't there is remembered for a while. */
  async pastSegment(broadcast: BroadcastId, track: TrackName, msn: number): Promise<Pulled<Uint8Array>> {
    const key = mediaKey(this.#edge.stream, broadcast, track, `${msn}.m4s`);
    if (Date.now() < (missing.get(key) ?? 0)) return { value: null, tiers: [] };
    const pulled = await this.segment(broadcast, track, msn);
    if (pulled.value === null) {
      if (missing.size >= MOST_MISSING) missing.clear();
      missing.set(key, Date.now() + MISSING_MS);
    }
    return pulled;
  }

  /** A stored segment. */
  segment(broadcast: BroadcastId, track: TrackName, msn: number): Promise<Pulled<Uint8Array>> {
    const key = mediaKey(this.#edge.stream, broadcast, track, `${msn}.m4s`);
    return this.#fly(bytesFlights, key, () => this.#cached(key));
  }

  /** A closed segment that may not be stored yet. */
  async closedSegment(broadcast: BroadcastId, track: TrackName, segment: SegmentState): Promise<Pulled<Uint8Array>> {
    if (segment.durable) return this.segment(broadcast, track, segment.msn);
    const { msn } = segment;
    const pulled = await this.#above(`${broadcast}/${track}/${msn}`, (node) => node.pullSegment(broadcast, track, msn));
    return pulled.value === null ? this.segment(broadcast, track, msn) : pulled;
  }

  /** A part that the tail lacks: cut out of the stored segment, or from the node above. */
  async part(
    broadcast: BroadcastId,
    track: TrackName,
    segment: SegmentState,
    part: number,
  ): Promise<Pulled<Uint8Array>> {
    const { msn } = segment;
    if (segment.durable) {
      const { value, tiers } = await this.segment(broadcast, track, msn);
      const from = segment.parts.slice(0, part).reduce((sum, { byteLength }) => sum + byteLength, 0);
      const length = segment.parts[part]?.byteLength ?? 0;
      return { value: value?.slice(from, from + length) ?? null, tiers };
    }
    return this.#above(`${broadcast}/${track}/${msn}.${part}`, (node) => node.pullPart(broadcast, track, msn, part));
  }

  /** An init section of any broadcast. */
  init(broadcast: BroadcastId, track: TrackName, version: number): Promise<Pulled<Uint8Array>> {
    return this.#above(`${broadcast}/${track}/init-${version}`, (node) => node.pullInit(broadcast, track, version));
  }

  /** Ids of the stream's broadcasts: from the data centre's cache, unless the newest are wanted. */
  async broadcasts(newest: boolean): Promise<Uint8Array> {
    const { stream, tally } = this.#edge;
    const ask = async (): Promise<Uint8Array> => {
      const { value } = await this.#ask((node) => node.pullBroadcasts(), tally.own);
      return value;
    };
    return newest ? ask() : bytesThroughCache(this.#asking.life, `broadcasts/${stream}`, REGISTRY_LIMITS.cacheS, ask);
  }

  /** What there is of a broadcast of the stream. */
  async outline(broadcast: BroadcastId): Promise<BroadcastOutline | null> {
    const { value } = await this.#ask((node) => node.pullOutline(broadcast), this.#edge.tally.own);
    return value;
  }

  /**
   * A playlist of any broadcast that this isolate has no replica of. Once a broadcast is over and stored, so are its
   * playlists: the Live object is asked for one that isn't, and stores it.
   */
  async playlist(broadcast: BroadcastId, track: TrackName, file: PlaylistFile): Promise<Pulled<ReadyPlaylist>> {
    const key = playlistKey(this.#edge.stream, broadcast, track, file);
    const kept = keptRecording(key);
    if (kept !== null) return { value: kept, tiers: ["corral-isolate; hit"] };
    return this.#fly(playlistFlights, key, async () => {
      const stored = await this.#cached(key);
      if (stored.value !== null) return { ...stored, value: ready(key, JSON.parse(decoder.decode(stored.value))) };
      const { tally } = this.#edge;
      const { address, value: pulled } = await this.#ask(
        (node) => node.pullPlaylist(broadcast, track, file),
        tally.own,
      );
      if (pulled === null) return { value: null, tiers: [`corral-${address.tier}; fwd=miss`] };
      tally.came(key);
      return { value: ready(key, pulled), tiers: [`corral-${address.tier}; hit`] };
    });
  }

  /** A segment from the data centre's cache; on a miss this isolate asks in the cache's place, and fills it. */
  async #cached(key: string): Promise<Pulled<Uint8Array>> {
    const { tally } = this.#edge;
    tally.own.upstream += 1;
    const cacheKey = `https://media.corral.invalid/${key}`;
    const cached = await caches.default.match(cacheKey);
    if (cached !== undefined) {
      countAnswer(tally.cache, "hits", 200);
      return { value: new Uint8Array(await cached.arrayBuffer()), tiers: ["corral-colo-cache; hit"] };
    }
    try {
      const { value, tier } = await this.#stored(key);
      countAnswer(tally.cache, "pulled", value === null ? 404 : 200);
      if (value === null) return { value: null, tiers: [`${tier}; fwd=uri-miss`, "corral-colo-cache; fwd=uri-miss"] };
      tally.cameToCache(key);
      tally.came(key);
      const headers = { "cache-control": "public, max-age=86400, immutable", "content-type": "video/mp4" };
      this.#asking.life.waitUntil(caches.default.put(cacheKey, new Response(value, { headers })).catch(() => {}));
      return { value, tiers: [`${tier}; hit`, "corral-colo-cache; fwd=uri-miss; stored"] };
    } catch (error) {
      countAnswer(tally.cache, "pulled", 503);
      throw error;
    }
  }

  /** A segment from R2, over the shield above where there is one: it reads R2 once for all its isolates. */
  async #stored(key: string): Promise<{ value: Uint8Array | null; tier: string }> {
    const { tally, above, calls } = this.#edge;
    if (above.address.tier !== "live") {
      const pull = async (node: FeedNode): Promise<Uint8Array | null> => (await node.pullStored?.(key)) ?? null;
      const { address, value } = await this.#ask(pull, tally.cache);
      return { value, tier: `corral-${address.tier}` };
    }
    const value = await readStored(this.#asking.env.MEDIA, tally, calls.r2, key, () => {
      tally.cache.upstream += 1;
    });
    return { value, tier: "corral-r2" };
  }

  /** Asks the node above, for the tier that `counters` belong to; each try looks for it anew. */
  async #ask<T>(pull: (node: FeedNode) => Promise<T>, counters: Counters): Promise<{ value: T; address: Address }> {
    const { calls } = this.#edge;
    let { address } = this.#edge.above;
    const call = (): Promise<T> => {
      const { above } = this.#edge;
      address = above.address;
      return pull(above.node);
    };
    const value = await calls.above.make(call, () => {
      counters.upstream += 1;
    });
    return { value, address };
  }

  #above(object: string, pull: (node: FeedNode) => Promise<Uint8Array | null>): Promise<Pulled<Uint8Array>> {
    return this.#fly(bytesFlights, `above ${this.#edge.stream}/${object}`, async () => {
      const { tally } = this.#edge;
      const { address, value } = await this.#ask(pull, tally.own);
      if (value !== null) tally.came(object);
      return { value, tiers: [`corral-${address.tier}; ${value === null ? "fwd=miss" : "hit"}`] };
    });
  }

  async #fly<T>(flights: SingleFlight<Pulled<T>>, key: string, load: () => Promise<Pulled<T>>): Promise<Pulled<T>> {
    const flown = await flights.get(this.#asking.life, key, load);
    if (!flown.coalesced) this.#asking.outcome = "pulled";
    else if (this.#asking.outcome === "hits") this.#asking.outcome = "coalesced";
    if (!flown.ok) throw flown.error;
    const collapsed = flown.coalesced ? "; collapsed" : "";
    return { ...flown.value, tiers: [...flown.value.tiers, `corral-isolate; fwd=uri-miss${collapsed}`] };
  }
}
