/** What a feed doesn't hold, pulled: single flight in the isolate, then the data centre's cache, then R2 or the Live object. */
import type { SegmentState } from "../../protocol/broadcast/log.ts";
import type { PlaylistFile } from "../../protocol/hls/paths.ts";
import type { BroadcastId, TrackName } from "../../protocol/ids.ts";
import { mediaKey } from "../../protocol/publish/keys.ts";
import type { Env } from "../env.ts";
import { SingleFlight } from "./single-flight.ts";
import type { Lifetime, StreamEdge } from "./stream-edge.ts";

/** Bytes and the tiers that were asked for them, the one nearest to the origin first, in RFC 9211's terms. */
export interface Pulled<T> {
  readonly value: T | null;
  readonly tiers: readonly string[];
}

/** A follower waits so long for the leader of its flight before it asks itself. */
const FLIGHT_MS = 4_000;

const bytesFlights = new SingleFlight<Pulled<Uint8Array>>(FLIGHT_MS);
const playlistFlights = new SingleFlight<Pulled<{ text: string; ended: boolean }>>(FLIGHT_MS);

/** The pulls of one request. */
export class Puller {
  readonly #env: Env;
  readonly #life: Lifetime;
  readonly #edge: StreamEdge;

  constructor(env: Env, life: Lifetime, edge: StreamEdge) {
    this.#env = env;
    this.#life = life;
    this.#edge = edge;
  }

  /** A stored segment. */
  segment(broadcast: BroadcastId, track: TrackName, msn: number): Promise<Pulled<Uint8Array>> {
    const key = mediaKey(this.#edge.stream, broadcast, track, `${msn}.m4s`);
    return this.#fly(bytesFlights, key, async () => {
      const cacheKey = `https://media.corral.invalid/${key}`;
      const cached = await caches.default.match(cacheKey);
      if (cached !== undefined) {
        return { value: new Uint8Array(await cached.arrayBuffer()), tiers: ["corral-colo; hit"] };
      }
      this.#edge.meter.r2.requests += 1;
      this.#edge.meter.upstream += 1;
      const stored = await this.#env.MEDIA.get(key);
      if (stored === null) return { value: null, tiers: ["corral-colo; fwd=uri-miss"] };
      const value = new Uint8Array(await stored.arrayBuffer());
      this.#edge.meter.r2.hits += 1;
      this.#edge.meter.r2.objects += 1;
      this.#edge.meter.came(key);
      const headers = { "cache-control": "public, max-age=86400, immutable", "content-type": "video/mp4" };
      this.#life.waitUntil(caches.default.put(cacheKey, new Response(value, { headers })).catch(() => {}));
      return { value, tiers: ["corral-r2; hit", "corral-colo; fwd=uri-miss; stored"] };
    });
  }

  /** A closed segment that may not be stored yet. */
  async closedSegment(broadcast: BroadcastId, track: TrackName, segment: SegmentState): Promise<Pulled<Uint8Array>> {
    if (segment.durable) return this.segment(broadcast, track, segment.msn);
    const { msn } = segment;
    const pulled = await this.#live(`${broadcast}/${track}/${msn}`, (live) => live.pullSegment(broadcast, track, msn));
    return pulled.value === null ? this.segment(broadcast, track, msn) : pulled;
  }

  /** A part that the tail lacks: cut out of the stored segment, or from the Live object. */
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
    return this.#live(`${broadcast}/${track}/${msn}.${part}`, (live) => live.pullPart(broadcast, track, msn, part));
  }

  /** An init section of any broadcast. */
  init(broadcast: BroadcastId, track: TrackName, version: number): Promise<Pulled<Uint8Array>> {
    return this.#live(`${broadcast}/${track}/init-${version}`, (live) => live.pullInit(broadcast, track, version));
  }

  /** A playlist of any broadcast that this isolate has no replica of. */
  playlist(
    broadcast: BroadcastId,
    track: TrackName,
    file: PlaylistFile,
  ): Promise<Pulled<{ text: string; ended: boolean }>> {
    const key = `${this.#edge.stream}/${broadcast}/${track}/${file}`;
    return this.#fly(playlistFlights, key, async () => {
      this.#edge.meter.upstream += 1;
      const live = this.#env.LIVE.getByName(this.#edge.stream);
      const pulled = await live.pullPlaylist(broadcast, track, file);
      return { value: pulled, tiers: [pulled === null ? "corral-live; fwd=miss" : "corral-live; hit"] };
    });
  }

  #live(
    object: string,
    pull: (live: ReturnType<Env["LIVE"]["getByName"]>) => Promise<Uint8Array | null>,
  ): Promise<Pulled<Uint8Array>> {
    return this.#fly(bytesFlights, `live ${this.#edge.stream}/${object}`, async () => {
      this.#edge.meter.upstream += 1;
      const value = await pull(this.#env.LIVE.getByName(this.#edge.stream));
      if (value !== null) this.#edge.meter.came(object);
      return { value, tiers: [value === null ? "corral-live; fwd=miss" : "corral-live; hit"] };
    });
  }

  async #fly<T>(flights: SingleFlight<Pulled<T>>, key: string, load: () => Promise<Pulled<T>>): Promise<Pulled<T>> {
    const { value, coalesced } = await flights.get(this.#life, key, load);
    if (coalesced) this.#edge.meter.counts.coalesced += 1;
    return { ...value, tiers: [...value.tiers, `corral-isolate; fwd=uri-miss${coalesced ? "; collapsed" : ""}`] };
  }
}
