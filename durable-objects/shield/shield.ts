/**
 * A shield: one region's or one data centre's replica of a broadcast, fed from above and feeding below. All of its state
 * can be rebuilt. It redirects few requesters up, and without children it drops the stream.
 */

import { DurableObject } from "cloudflare:workers";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { NodeReport } from "../../core/broadcast/stream-status.ts";
import { EdgeStream } from "../../core/delivery/edge-stream.ts";
import { attachReport, type FeedQuery, parseFeedQuery } from "../../core/delivery/feed-client.ts";
import { FeedFanout, feedResponse } from "../../core/delivery/feed-fanout.ts";
import { redirectResponse, redirectSubscriber } from "../../core/delivery/feed-redirect.ts";
import { SHIELD_LIMITS } from "../../core/delivery/node-limits.ts";
import { readR2Object } from "../../core/delivery/r2-reads.ts";
import { FeedAdmission } from "../../core/delivery/tree/feed-admission.ts";
import { TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import { formatNodeAddress, parseNodeAddress } from "../../core/delivery/tree/node-address.ts";
import {
  type BroadcastOutline,
  getUpstreamNode,
  type StoredPlaylist,
  type UpstreamNode,
} from "../../core/delivery/upstream-node.ts";
import { type Platform, startInterval } from "../../core/kit/clock.ts";
import { type BroadcastId, parseStreamName, type StreamName, type TrackName } from "../../core/kit/ids.ts";
import { computeFollowerWaitMs, SingleFlight } from "../../core/kit/single-flight.ts";
import { SizedCache } from "../../core/kit/sized-cache.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";

/** What a shield is bound to. */
export interface ShieldEnv {
  readonly LIVE: { getByName(stream: StreamName): UpstreamNode };
  readonly SHIELD: DurableObjectNamespace<Shield>;
  readonly MEDIA: R2Bucket;
}

/** The shield of one stream at one address. */
export class Shield extends DurableObject<ShieldEnv> {
  readonly platform: Platform = systemPlatform;
  readonly #edgeStream: EdgeStream;
  readonly #admission: FeedAdmission;
  readonly #objectCache = new SizedCache<Uint8Array>(SHIELD_LIMITS.objectCacheBytes);
  readonly #pulls: SingleFlight<unknown> = new SingleFlight(this.platform.clock, computeFollowerWaitMs());
  #fanout: FeedFanout | null = null;
  #cancelLeaseTimer: (() => void) | null = null;
  #lastChildMs = 0;

  constructor(ctx: DurableObjectState, env: ShieldEnv) {
    super(ctx, env);
    const [streamText = "", addressPart = ""] = (ctx.id.name ?? "").split("/");
    const stream = parseStreamName(streamText);
    const address = parseNodeAddress(addressPart);
    if (stream === null || address === null || address.tier === "live") {
      throw new TypeError(`a shield is named STREAM/ADDRESS, not ${JSON.stringify(ctx.id.name)}`);
    }
    this.#admission = new FeedAdmission(address);
    const nodeId = `${formatNodeAddress(address)}#${this.platform.newId().slice(0, 8)}`;
    this.#edgeStream = new EdgeStream({
      platform: this.platform,
      stream,
      tier: address.tier,
      node: { kind: "shield", address, nodeId },
      leaseMs: SHIELD_LIMITS.leaseMs,
      tailBytes: SHIELD_LIMITS.tailBytes,
      nodeAt: (above) => getUpstreamNode(this.env, stream, above),
      events: {
        accessChanged: (_, change) => this.#fanout?.sendAccess(change),
        replicaReplaced: (replica) => this.#replaceFanout(replica),
      },
      feedFailed: (error) => console.warn("feed broken", error),
    });
  }

  /** `GET /feed`, as `readFeed` requests it: a feed, or a redirect. 404 for a stream that was never live. */
  override async fetch(request: Request): Promise<Response> {
    const query = parseFeedQuery(request);
    if (query === null) return new Response(null, { status: 404 });
    const away = redirectSubscriber(this.#admission, this.#fanout, query, this.platform.clock.monotonicMs());
    const answer = away === null ? await this.#openFeed(query) : redirectResponse(away);
    // Counted first, so that the report includes it.
    this.#edgeStream.counters.countRequest("hits", answer.status);
    if (!answer.ok && this.#cancelLeaseTimer === null) attachReport(answer, this.#createCarriedReport());
    return answer;
  }

  async #openFeed(query: FeedQuery): Promise<Response> {
    this.#lastChildMs = this.#nowMs;
    for (const track of query.wantedTracks) this.#edgeStream.requestTrack(this.ctx, track, this.#nowMs);
    if (query.wantsChunks) this.#edgeStream.requestChunks(this.ctx, this.#nowMs);
    const replica = await this.#edgeStream.ensureReplica(this.ctx);
    if (replica === null) return new Response(null, { status: this.#edgeStream.isStale ? 503 : 404 });
    const untilMs = this.platform.clock.monotonicMs() + SHIELD_LIMITS.feedWaitMs;
    await Promise.all(
      [...query.wantedTracks].map((track) => this.#edgeStream.awaitTrackBytes(this.ctx, track, untilMs)),
    );
    if (this.#edgeStream.isStale) return new Response(null, { status: 503 });
    this.#keepLease();
    const feeds = this.#fanout;
    if (feeds === null) return new Response(null, { status: 503 });
    this.#edgeStream.counters.addChildReport(query.report, this.platform.clock.monotonicMs());
    return feedResponse(feeds, query);
  }

  /** A part that the caller's replica lists and whose bytes it lacks, or null. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Promise<Uint8Array | null> {
    const held = this.#findReplica(id)?.tail.partBytes(track, msn, part) ?? null;
    return this.#pullMedia(`${id}/${track}/${msn}.${part}`, held, (node) => node.pullPart(id, track, msn, part));
  }

  /** A closed segment that is not in R2 yet, or null. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Promise<Uint8Array | null> {
    const replica = this.#findReplica(id);
    const segment = replica?.track(track)?.segments.find((candidate) => candidate.msn === msn);
    const held = replica === null || segment === undefined ? null : replica.tail.assembleSegment(track, segment);
    return this.#pullMedia(`${id}/${track}/${msn}`, held, (node) => node.pullSegment(id, track, msn));
  }

  /** An init section of any broadcast of the stream, or null. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Promise<Uint8Array | null> {
    const held = this.#findReplica(id)?.initSection(track, version) ?? null;
    const name = `${id}/${track}/init-${version}`;
    return this.#pullOnce(name, held ?? this.#objectCache.get(name), (node) => node.pullInit(id, track, version));
  }

  /** The current playlist of any broadcast of the stream, or null. */
  pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    return this.#pull(`${id}/${track}/${file}`, null, (node) => node.pullPlaylist(id, track, file));
  }

  /** Ids of the stream's broadcasts. */
  async pullBroadcasts(): Promise<Uint8Array> {
    const ids = await this.#pull("broadcasts", null, (node) => node.pullBroadcasts());
    if (ids === null) throw new Error("the node above returned no ids");
    return ids;
  }

  /** The outline of a broadcast of the stream, or null. */
  pullOutline(id: BroadcastId): Promise<BroadcastOutline | null> {
    return this.#pull(`${id}/outline`, null, (node) => node.pullOutline(id));
  }

  /** A segment in R2, or null: read once for all nodes below, by the topmost shield. */
  async pullStored(key: string): Promise<Uint8Array | null> {
    const { parent: above, clients, counters } = this.#edgeStream;
    const top = above.address.tier === "live";
    const bytes = await this.#loadCounted(key, this.#objectCache.get(key), () =>
      top
        ? readR2Object(this.env.MEDIA, counters, clients.r2, key, () => this.#countUpstream())
        : this.#callParent(async (node) => (await node.pullStored?.(key)) ?? null),
    );
    if (bytes !== null) this.#objectCache.add(key, bytes, bytes.byteLength);
    return bytes;
  }

  /** Discards the object's memory at once, as a crash or a deploy does; the caller's request fails with it. */
  restart(): void {
    this.ctx.abort("restarted on request");
  }

  /** Media of the current epoch that is not stored yet: another one may have other bytes in its place. */
  #pullMedia(
    name: string,
    held: Uint8Array | null,
    pull: (node: UpstreamNode) => Promise<Uint8Array | null>,
  ): Promise<Uint8Array | null> {
    const key = `${this.#edgeStream.currentReplica?.epoch}/${name}`;
    return this.#pullOnce(key, held ?? this.#objectCache.get(key), pull);
  }

  /** Bytes that are pulled once for all nodes below, as long as they are kept. */
  async #pullOnce(
    key: string,
    held: Uint8Array | null,
    pull: (node: UpstreamNode) => Promise<Uint8Array | null>,
  ): Promise<Uint8Array | null> {
    const bytes = await this.#pull(key, held, pull);
    if (held === null && bytes !== null) this.#objectCache.add(key, bytes, bytes.byteLength);
    return bytes;
  }

  /** The `held` value, or one pulled from the node above: once for concurrent requests. */
  #pull<T>(name: string, held: T | null, pull: (node: UpstreamNode) => Promise<T | null>): Promise<T | null> {
    return this.#loadCounted(name, held, () => this.#callParent(pull));
  }

  /** The `held` value, or the result of one `load` for concurrent requests; counted. */
  async #loadCounted<T>(name: string, held: T | null, load: () => Promise<T | null>): Promise<T | null> {
    const { counters } = this.#edgeStream;
    if (held !== null) {
      counters.countRequest("hits", 200);
      return held;
    }
    // The name determines the type of the value.
    const pulls = this.#pulls as SingleFlight<T | null>;
    const pulled = await pulls.load(this.ctx, name, async () => {
      const loaded = await load();
      if (loaded !== null) counters.countObject(name);
      return loaded;
    });
    const outcome = pulled.coalesced ? "coalesced" : "pulled";
    counters.countRequest(outcome, pulled.ok ? (pulled.value === null ? 404 : 200) : 503);
    if (!pulled.ok) throw pulled.error;
    return pulled.value;
  }

  #callParent<T>(pull: (node: UpstreamNode) => Promise<T | null>): Promise<T | null> {
    return this.#edgeStream.clients.above.call(
      () => pull(this.#edgeStream.parent.node),
      () => this.#countUpstream(),
    );
  }

  #countUpstream(): void {
    this.#edgeStream.counters.ownCounters.upstream += 1;
  }

  #findReplica(id: BroadcastId): Replica | null {
    const { currentReplica } = this.#edgeStream;
    return currentReplica?.config.broadcast === id ? currentReplica : null;
  }

  /** This shield's counters, which a requester carries on while the shield has no feed to report with: it may be evicted. */
  #createCarriedReport(): NodeReport {
    return {
      ...this.#edgeStream.counters.createReport(this.platform.clock.monotonicMs()),
      viewers: 0,
      requestsPerSecond: 0,
    };
  }

  #replaceFanout(replica: Replica): void {
    const before = this.#fanout;
    this.#fanout = new FeedFanout({
      replica,
      clock: this.platform.clock,
      status: () => this.#edgeStream.status,
      access: () => this.#edgeStream.accessPolicy,
      authoritySilenceMs: () => this.#edgeStream.authoritySilenceMs(),
    });
    before?.closeAll();
  }

  /** While there are children, this object holds the lease of its feed, as requests do in an isolate. */
  #keepLease(): void {
    this.#cancelLeaseTimer ??= startInterval(this.platform.clock, SHIELD_LIMITS.leaseCheckMs, () => {
      const nowMs = this.#nowMs;
      const feeds = this.#fanout;
      if (feeds !== null && feeds.subscriberCount > 0) this.#lastChildMs = nowMs;
      if (nowMs - this.#lastChildMs > TREE_LIMITS.idleMs) {
        this.#cancelLeaseTimer?.();
        this.#cancelLeaseTimer = null;
        return;
      }
      for (const track of feeds?.collectWantedTracks() ?? []) this.#edgeStream.requestTrack(this.ctx, track, nowMs);
      if (feeds?.wantsChunks === true) this.#edgeStream.requestChunks(this.ctx, nowMs);
      this.#edgeStream.ensureLease(this.ctx);
    });
  }

  get #nowMs(): number {
    return this.platform.clock.nowMs();
  }
}
