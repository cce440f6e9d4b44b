/**
 * A shield: one region's or one data centre's replica of a broadcast, between its parent node and its children. It stores
 * nothing. It redirects subscribers to its parent while they are few, and ends its own feed when it has no children.
 */
import { DurableObject } from "cloudflare:workers";
import type { Replica } from "../../core/broadcast/replica.ts";
import type { NodeReport } from "../../core/broadcast/stream-status.ts";
import { SHIELD_LIMITS } from "../../core/delivery/node-limits.ts";
import { FeedAdmission } from "../../core/delivery/tree/feed-admission.ts";
import { nodeObjectName, TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import { formatNodeAddress, type NodeAddress, parseNodeAddress } from "../../core/delivery/tree/node-address.ts";
import { EdgeStream } from "../../core/delivery/workerd/edge-stream.ts";
import { type FeedQuery, parseFeedQuery } from "../../core/delivery/workerd/feed-client.ts";
import { FeedFanout } from "../../core/delivery/workerd/feed-fanout.ts";
import { redirectResponse, redirectStatus, redirectSubscriber } from "../../core/delivery/workerd/feed-redirect.ts";
import { readR2Object } from "../../core/delivery/workerd/r2-reads.ts";
import type { BroadcastOutline, StoredPlaylist, UpstreamNode } from "../../core/delivery/workerd/upstream-node.ts";
import { type Platform, startInterval } from "../../core/kit/clock.ts";
import { type BroadcastId, parseStreamName, type StreamName, type TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import type { Live } from "../live/live.ts";
import { SegmentCache } from "./segment-cache.ts";

/** What a shield is bound to. */
export interface ShieldEnv {
  readonly LIVE: DurableObjectNamespace<Live>;
  readonly SHIELD: DurableObjectNamespace<Shield>;
  readonly MEDIA: R2Bucket;
}

/** The shield of one stream at one address. */
export class Shield extends DurableObject<ShieldEnv> {
  readonly platform: Platform = systemPlatform;
  readonly #stream: StreamName;
  readonly #edgeStream: EdgeStream;
  readonly #admission: FeedAdmission;
  readonly #segmentCache = new SegmentCache(SHIELD_LIMITS.segmentCacheBytes);
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
    this.#stream = stream;
    this.#admission = new FeedAdmission(address);
    this.#edgeStream = new EdgeStream({
      stream,
      tier: address.tier,
      node: { kind: "shield", address, nodeId: `${formatNodeAddress(address)}#${this.platform.newId().slice(0, 8)}` },
      leaseMs: SHIELD_LIMITS.leaseMs,
      tailBytes: SHIELD_LIMITS.tailBytes,
      nodeAt: (parent) => this.#getNode(parent),
      events: {
        entryApplied: (entry, bytes) => this.#fanout?.sendEntry(entry, bytes),
        partBytesReceived: (track, msn, part, bytes) => this.#fanout?.sendPartBytes(track, msn, part, bytes),
        accessChanged: (_, change) => this.#fanout?.sendAccess(change),
        replicaReplaced: (replica) => this.#replaceFanout(replica),
      },
    });
  }

  /** `GET /feed`: a feed, or a redirect to another node. 404 where the stream has never been live. */
  override async fetch(request: Request): Promise<Response> {
    const query = parseFeedQuery(request);
    if (query === null) return new Response(null, { status: 404 });
    const redirect = redirectSubscriber(this.#admission, this.#fanout, query);
    if (redirect !== null) {
      // Counted first, so that the carried report includes it.
      this.#edgeStream.counters.countRequest("hits", redirectStatus(redirect));
      return redirectResponse(redirect, () => this.#createCarriedReport());
    }
    const response = await this.#openFeed(query);
    this.#edgeStream.counters.countRequest("hits", response.status);
    return response;
  }

  async #openFeed(query: FeedQuery): Promise<Response> {
    this.#lastChildMs = this.#nowMs();
    for (const track of query.wantedTracks) this.#edgeStream.requestTrack(this.ctx, track, this.#nowMs());
    const replica = await this.#edgeStream.ensureReplica(this.ctx);
    if (replica === null) return new Response(null, { status: this.#edgeStream.isStale ? 503 : 404 });
    const untilMs = this.#nowMs() + SHIELD_LIMITS.feedWaitMs;
    await Promise.all(
      [...query.wantedTracks].map((track) => this.#edgeStream.awaitTrackBytes(this.ctx, track, untilMs)),
    );
    if (this.#edgeStream.isStale) return new Response(null, { status: 503 });
    this.#keepLease();
    const fanout = this.#fanout;
    if (fanout === null) return new Response(null, { status: 503 });
    this.#edgeStream.counters.addChildReport(query.report, this.#nowMs());
    const { nodeId, requester, resumeFrom, wantedTracks, heldTracks, isHandover } = query;
    const kind = requester.kind === "isolate" ? "isolate" : "shield";
    return new Response(fanout.subscribe({ nodeId, kind, resumeFrom, wantedTracks, heldTracks, isHandover }));
  }

  /** A part that the caller's replica lists and its tail lacks, or null. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Promise<Uint8Array | null> {
    const held = this.#findReplica(id)?.tail.partBytes(track, msn, part) ?? null;
    return this.#pull(`${id}/${track}/${msn}.${part}`, held, (node) => node.pullPart(id, track, msn, part));
  }

  /** A closed segment that is not in R2 yet, or null. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Promise<Uint8Array | null> {
    const replica = this.#findReplica(id);
    const segment = replica?.track(track)?.segments.find((candidate) => candidate.msn === msn);
    const held = replica === null || segment === undefined ? null : replica.tail.assembleSegment(track, segment);
    return this.#pull(`${id}/${track}/${msn}`, held, (node) => node.pullSegment(id, track, msn));
  }

  /** An init section of any broadcast of the stream, or null. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Promise<Uint8Array | null> {
    const held = this.#findReplica(id)?.initSection(track, version) ?? null;
    return this.#pull(`${id}/${track}/init-${version}`, held, (node) => node.pullInit(id, track, version));
  }

  /** The current playlist of any broadcast of the stream, or null. */
  pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    return this.#pull(`${id}/${track}/${file}`, null, (node) => node.pullPlaylist(id, track, file));
  }

  /** Ids of the stream's broadcasts. */
  async pullBroadcasts(): Promise<Uint8Array> {
    const ids = await this.#pull("broadcasts", null, (node) => node.pullBroadcasts());
    if (ids === null) throw new Error("the parent node returned no broadcast ids");
    return ids;
  }

  /** What exists of a broadcast of the stream, or null. */
  pullOutline(id: BroadcastId): Promise<BroadcastOutline | null> {
    return this.#pull(`${id}/outline`, null, (node) => node.pullOutline(id));
  }

  /** A segment in R2, or null. The topmost shield reads it, once for all nodes below. */
  async pullStored(key: string): Promise<Uint8Array | null> {
    const { parent, clients, counters } = this.#edgeStream;
    const isTopmost = parent.address.tier === "live";
    const bytes = await this.#loadCounted(key, this.#segmentCache.get(key), () =>
      isTopmost
        ? readR2Object(this.env.MEDIA, counters, clients.r2, key, () => this.#countUpstream())
        : this.#callParent(async (node) => (await node.pullStored?.(key)) ?? null),
    );
    if (bytes !== null) this.#segmentCache.store(key, bytes);
    return bytes;
  }

  /** Discards the object's memory at once, as a crash or a deploy does; the caller's request fails with it. */
  restart(): void {
    this.ctx.abort("restarted on request");
  }

  /** What is `held` here, or pulled from the parent: concurrent requests share one pull. */
  #pull<T>(name: string, held: T | null, pull: (node: UpstreamNode) => Promise<T | null>): Promise<T | null> {
    return this.#loadCounted(name, held, () => this.#callParent(pull));
  }

  /** What is `held`, or what `load` resolves to, once for concurrent requests; counted. */
  async #loadCounted<T>(name: string, held: T | null, load: () => Promise<T | null>): Promise<T | null> {
    const { counters } = this.#edgeStream;
    if (held !== null) {
      counters.countRequest("hits", 200);
      return held;
    }
    const { value, isShared } = this.#segmentCache.pullOnce(name, async () => {
      const loaded = await load();
      if (loaded !== null) counters.countObject(name);
      return loaded;
    });
    const outcome = isShared ? "coalesced" : "pulled";
    try {
      const loaded = await value;
      counters.countRequest(outcome, loaded === null ? 404 : 200);
      return loaded;
    } catch (error) {
      counters.countRequest(outcome, 503);
      throw error;
    }
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

  /** This shield's counters, which a redirected subscriber carries to the parent while the shield has no feed of its own. */
  #createCarriedReport(): NodeReport | null {
    if (this.#cancelLeaseTimer !== null) return null;
    return { ...this.#edgeStream.counters.createReport(this.#nowMs()), viewers: 0, requestsPerSecond: 0 };
  }

  #replaceFanout(replica: Replica): void {
    const previous = this.#fanout;
    this.#fanout = new FeedFanout(
      replica,
      () => this.#edgeStream.status,
      () => this.#edgeStream.accessPolicy,
      () => this.#edgeStream.authoritySilenceMs(this.#nowMs()),
    );
    previous?.closeAll();
  }

  /** While it has children, the object renews its own feed as an isolate does for its viewers. */
  #keepLease(): void {
    this.#cancelLeaseTimer ??= startInterval(this.platform.clock, SHIELD_LIMITS.leaseCheckMs, () => {
      const nowMs = this.#nowMs();
      const fanout = this.#fanout;
      if (fanout !== null && fanout.subscriberCount > 0) this.#lastChildMs = nowMs;
      if (nowMs - this.#lastChildMs > TREE_LIMITS.idleMs) {
        this.#cancelLeaseTimer?.();
        this.#cancelLeaseTimer = null;
        return;
      }
      for (const track of fanout?.collectWantedTracks() ?? []) this.#edgeStream.requestTrack(this.ctx, track, nowMs);
      this.#edgeStream.ensureLease(this.ctx);
    });
  }

  #nowMs(): number {
    return this.platform.clock.nowMs();
  }

  #getNode(address: NodeAddress): UpstreamNode {
    if (address.tier === "live") return this.env.LIVE.getByName(this.#stream);
    return this.env.SHIELD.getByName(nodeObjectName(this.#stream, address), { locationHint: address.region });
  }
}
