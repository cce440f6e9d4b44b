/**
 * A shield: one region's or one data centre's replica of a broadcast, fed from above and feeding below. It holds nothing
 * that it can't get again; with few askers it sends them up, and without children it forgets the stream.
 */
import { DurableObject } from "cloudflare:workers";
import type { Replica } from "../../protocol/broadcast/replica.ts";
import type { PlaylistFile } from "../../protocol/hls/paths.ts";
import { type BroadcastId, parseStreamName, type StreamName, type TrackName } from "../../protocol/ids.ts";
import type { TreeReport } from "../../protocol/status.ts";
import { type Address, addressText, parseAddress } from "../../protocol/tree/address.ts";
import { Door } from "../../protocol/tree/door.ts";
import { SHIELD_LIMITS } from "../../protocol/tree/limits.ts";
import { objectName, TREE_LIMITS } from "../../protocol/tree/policy.ts";
import { type FeedQuery, parseFeedQuery } from "../../tiers/feed-client.ts";
import { awayStatus, sendAway, turnAway } from "../../tiers/feed-door.ts";
import { Feeds } from "../../tiers/feeds.ts";
import type { BroadcastOutline, FeedNode, StoredPlaylist } from "../../tiers/node.ts";
import { readStored } from "../../tiers/stored.ts";
import { StreamEdge } from "../../tiers/stream-edge.ts";
import type { Live } from "../live/live.ts";
import { Kept } from "./kept.ts";

/** What a shield is bound to. */
export interface ShieldEnv {
  readonly LIVE: DurableObjectNamespace<Live>;
  readonly SHIELD: DurableObjectNamespace<Shield>;
  readonly MEDIA: R2Bucket;
}

/** The shield of one stream at one address. */
export class Shield extends DurableObject<ShieldEnv> {
  readonly #stream: StreamName;
  readonly #edge: StreamEdge;
  readonly #door: Door;
  readonly #kept = new Kept(SHIELD_LIMITS.keptBytes);
  #feeds: Feeds | null = null;
  #tending: ReturnType<typeof setInterval> | null = null;
  #lastChildMs = 0;

  constructor(ctx: DurableObjectState, env: ShieldEnv) {
    super(ctx, env);
    const [streamText = "", addressPart = ""] = (ctx.id.name ?? "").split("/");
    const stream = parseStreamName(streamText);
    const address = parseAddress(addressPart);
    if (stream === null || address === null || address.tier === "live") {
      throw new TypeError(`a shield is named STREAM/ADDRESS, not ${JSON.stringify(ctx.id.name)}`);
    }
    this.#stream = stream;
    this.#door = new Door(address);
    this.#edge = new StreamEdge({
      stream,
      tier: address.tier,
      walker: { kind: "shield", address, node: `${addressText(address)}#${crypto.randomUUID().slice(0, 8)}` },
      leadMs: SHIELD_LIMITS.leadMs,
      tailBytes: SHIELD_LIMITS.tailBytes,
      nodes: (above) => this.#nodeAt(above),
      events: {
        entry: (entry, bytes) => this.#feeds?.send(entry, bytes),
        bytes: (track, msn, part, bytes) => this.#feeds?.sendBytes(track, msn, part, bytes),
        access: (_, change) => this.#feeds?.sendAccess(change),
        swapped: (replica) => this.#swapped(replica),
      },
    });
  }

  /** `GET /feed`, as `readFeed` asks it: a feed, or where to go instead. 404 where the stream has never been live. */
  override async fetch(request: Request): Promise<Response> {
    const query = parseFeedQuery(request);
    if (query === null) return new Response(null, { status: 404 });
    const away = turnAway(this.#door, this.#feeds, query);
    if (away !== null) {
      // Counted first, so that what is handed on tells of it too.
      this.#edge.tally.answered("hits", awayStatus(away));
      return sendAway(away, () => this.#handOn());
    }
    const answer = await this.#feed(query);
    this.#edge.tally.answered("hits", answer.status);
    return answer;
  }

  async #feed(query: FeedQuery): Promise<Response> {
    this.#lastChildMs = Date.now();
    for (const track of query.want) this.#edge.want(this.ctx, track, Date.now());
    const replica = await this.#edge.replica(this.ctx);
    if (replica === null) return new Response(null, { status: this.#edge.stale ? 503 : 404 });
    const untilMs = Date.now() + SHIELD_LIMITS.carryMs;
    await Promise.all([...query.want].map((track) => this.#edge.carried(this.ctx, track, untilMs)));
    if (this.#edge.stale) return new Response(null, { status: 503 });
    this.#tend();
    const feeds = this.#feeds;
    if (feeds === null) return new Response(null, { status: 503 });
    this.#edge.tally.take(query.report, Date.now());
    const { node, asker, from, want, have, moving } = query;
    const kind = asker.kind === "isolate" ? "isolate" : "shield";
    return new Response(feeds.open({ node, kind, from, want, have, moving }));
  }

  /** A part that the caller's replica lists and its tail lacks, or null. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Promise<Uint8Array | null> {
    const held = this.#mine(id)?.tail.part(track, msn, part) ?? null;
    return this.#pulled(`${id}/${track}/${msn}.${part}`, held, (node) => node.pullPart(id, track, msn, part));
  }

  /** A closed segment that is not in R2 yet, or null. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Promise<Uint8Array | null> {
    const replica = this.#mine(id);
    const segment = replica?.track(track)?.segments.find((candidate) => candidate.msn === msn);
    const held = replica === null || segment === undefined ? null : replica.tail.segment(track, segment);
    return this.#pulled(`${id}/${track}/${msn}`, held, (node) => node.pullSegment(id, track, msn));
  }

  /** An init section of any broadcast of the stream, or null. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Promise<Uint8Array | null> {
    const held = this.#mine(id)?.init(track, version) ?? null;
    return this.#pulled(`${id}/${track}/init-${version}`, held, (node) => node.pullInit(id, track, version));
  }

  /** A playlist of any broadcast of the stream as it stands, or null. */
  pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    return this.#pulled(`${id}/${track}/${file}`, null, (node) => node.pullPlaylist(id, track, file));
  }

  /** Ids of the stream's broadcasts. */
  async pullBroadcasts(): Promise<Uint8Array> {
    const ids = await this.#pulled("broadcasts", null, (node) => node.pullBroadcasts());
    if (ids === null) throw new Error("the node above gave no ids");
    return ids;
  }

  /** What there is of a broadcast of the stream, or null. */
  pullOutline(id: BroadcastId): Promise<BroadcastOutline | null> {
    return this.#pulled(`${id}/outline`, null, (node) => node.pullOutline(id));
  }

  /** A segment in R2, or null: read once for all below, by the topmost shield. */
  async pullStored(key: string): Promise<Uint8Array | null> {
    const { above, calls, tally } = this.#edge;
    const top = above.address.tier === "live";
    const bytes = await this.#answered(key, this.#kept.get(key), () =>
      top
        ? readStored(this.env.MEDIA, tally, calls.r2, key, () => this.#sent())
        : this.#ask(async (node) => (await node.pullStored?.(key)) ?? null),
    );
    if (bytes !== null) this.#kept.keep(key, bytes);
    return bytes;
  }

  /** Throws the object's memory away at once, as a crash or a deploy does; the caller's request fails with it. */
  restart(): void {
    this.ctx.abort("restarted on request");
  }

  /** What is `held` here, or pulled from the node above: once, however many ask meanwhile. */
  #pulled<T>(name: string, held: T | null, pull: (node: FeedNode) => Promise<T | null>): Promise<T | null> {
    return this.#answered(name, held, () => this.#ask(pull));
  }

  /** What is `held`, or what `load` brings from the origin's side: once, however many ask meanwhile; counted. */
  async #answered<T>(name: string, held: T | null, load: () => Promise<T | null>): Promise<T | null> {
    const { tally } = this.#edge;
    if (held !== null) {
      tally.answered("hits", 200);
      return held;
    }
    const { value, shared } = this.#kept.once(name, async () => {
      const loaded = await load();
      if (loaded !== null) tally.came(name);
      return loaded;
    });
    const outcome = shared ? "coalesced" : "pulled";
    try {
      const loaded = await value;
      tally.answered(outcome, loaded === null ? 404 : 200);
      return loaded;
    } catch (error) {
      tally.answered(outcome, 503);
      throw error;
    }
  }

  #ask<T>(pull: (node: FeedNode) => Promise<T | null>): Promise<T | null> {
    return this.#edge.calls.above.make(
      () => pull(this.#edge.above.node),
      () => this.#sent(),
    );
  }

  #sent(): void {
    this.#edge.tally.own.upstream += 1;
  }

  #mine(id: BroadcastId): Replica | null {
    const { known } = this.#edge;
    return known?.config.broadcast === id ? known : null;
  }

  /** What this shield counted, for an asker to carry on while it has no feed to report with. */
  #handOn(): TreeReport | null {
    if (this.#tending !== null) return null;
    return { ...this.#edge.tally.report(Date.now()), viewers: 0, requestsPerSecond: 0 };
  }

  #swapped(replica: Replica): void {
    const before = this.#feeds;
    this.#feeds = new Feeds(
      replica,
      () => this.#edge.status,
      () => this.#edge.access,
      () => this.#edge.unheardMs(Date.now()),
    );
    before?.close();
  }

  /** While there are children, this object looks after its own feed as an isolate's viewers do. */
  #tend(): void {
    this.#tending ??= setInterval(() => {
      const now = Date.now();
      const feeds = this.#feeds;
      if (feeds !== null && feeds.count > 0) this.#lastChildMs = now;
      if (now - this.#lastChildMs > TREE_LIMITS.idleMs && this.#tending !== null) {
        clearInterval(this.#tending);
        this.#tending = null;
        return;
      }
      for (const track of feeds?.wanted() ?? []) this.#edge.want(this.ctx, track, now);
      this.#edge.tend(this.ctx);
    }, SHIELD_LIMITS.tendMs);
  }

  #nodeAt(address: Address): FeedNode {
    if (address.tier === "live") return this.env.LIVE.getByName(this.#stream);
    return this.env.SHIELD.getByName(objectName(this.#stream, address), { locationHint: address.region });
  }
}
