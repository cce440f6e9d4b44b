/**
 * The Live object: the authority for one stream's broadcast. It appends to the log, keeps the tail in memory, stores
 * finished segments, and feeds replicas. Its memory may vanish at any moment: SQLite, R2 and the publisher rebuild it.
 */
import { DurableObject } from "cloudflare:workers";
import { type Access, type AccessTaker, type Playback, withoutBans } from "../../protocol/access.ts";
import { LIMITS } from "../../protocol/broadcast/limits.ts";
import type { BroadcastConfig, Entry, PartMeta } from "../../protocol/broadcast/log.ts";
import type { Replica } from "../../protocol/broadcast/replica.ts";
import { Tail } from "../../protocol/broadcast/tail.ts";
import { comparePositions, LogError, nextPosition } from "../../protocol/broadcast/window.ts";
import type { PlaylistFile } from "../../protocol/hls/paths.ts";
import type { BroadcastId, StreamName, TrackName } from "../../protocol/ids.ts";
import { type PublishReply, problems } from "../../protocol/publish/reply.ts";
import { Fingerprints } from "../../protocol/registry/fingerprints.ts";
import { REGISTRY_LIMITS } from "../../protocol/registry/limits.ts";
import type { Revoking } from "../../protocol/revocations.ts";
import type { BroadcastSummary, StreamStatus } from "../../protocol/status.ts";
import { mayChangeStop, type Stop, type StopActor, type StopRecord, standingStop } from "../../protocol/stop.ts";
import { LIVE } from "../../protocol/tree/address.ts";
import { Door } from "../../protocol/tree/door.ts";
import { LIVE_LIMITS } from "../../protocol/tree/limits.ts";
import { Tally } from "../../protocol/tree/tally.ts";
import { type FeedQuery, parseFeedQuery } from "../../tiers/feed-client.ts";
import { sendAway, turnAway } from "../../tiers/feed-door.ts";
import { Feeds } from "../../tiers/feeds.ts";
import type { BroadcastOutline, StoredPlaylist } from "../../tiers/node.ts";
import { StreamAccess } from "./access.ts";
import { Archive, type ArchiveJob } from "./archive.ts";
import { PublisherWatch } from "./publisher-watch.ts";
import { isWhole, Recordings, windowPlaylist } from "./recordings.ts";
import { broadcastStatus, publishAnswer } from "./status.ts";
import { StopRecords } from "./stops.ts";
import { type BroadcastRow, Store } from "./store.ts";

/** What the Live object is bound to. */
export interface LiveEnv {
  readonly MEDIA: R2Bucket;
  readonly ROOM: { getByName(name: string): AccessTaker };
}

/** Who publishes: the stream, the hash of the key it sent, and the publishing process's random id. */
export interface Publisher {
  readonly stream: StreamName;
  readonly keyHash: string;
  readonly id: string;
}

/** Who publishes a broadcast whose publisher's key was revoked. */
const NOBODY = "";

interface Current {
  readonly replica: Replica;
  readonly feeds: Feeds;
  publisher: string;
  lastSeenMs: number;
  readonly watch: PublisherWatch;
}

/** One stream's Live object, named by the stream. */
export class Live extends DurableObject<LiveEnv> {
  readonly #store: Store;
  readonly #archive: Archive;
  readonly #recordings: Recordings;
  readonly #access: StreamAccess;
  readonly #stops: StopRecords;
  readonly #tally = new Tally("live", "live");
  readonly #countedFrom = Date.now();
  readonly #door = new Door(LIVE);
  /** Of the ids that nodes below hold copies of. */
  readonly #salt = Math.floor(Math.random() * 2 ** 32);
  #current: Current | null = null;

  constructor(ctx: DurableObjectState, env: LiveEnv) {
    super(ctx, env);
    this.#store = new Store(ctx.storage.sql);
    this.#archive = new Archive(env.MEDIA, (jobs) => this.#list(jobs));
    this.#recordings = new Recordings(env.MEDIA, this.#store);
    this.#access = new StreamAccess(ctx.storage, (change) => this.#current?.feeds.sendAccess(change));
    this.#stops = new StopRecords(ctx.storage);
    const latest = this.#store.latestBroadcast();
    if (latest === null) return;
    this.#adopt(latest);
    if (!latest.ended) ctx.blockConcurrencyWhile(() => this.#current?.watch.setMissingAlarm() ?? Promise.resolve());
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Issues a stream key: only its hash is kept. */
  addKey(hash: string): void {
    this.#store.addKey(hash, Date.now());
  }

  /** Hashes of the stream's keys: what a gateway judges a publisher by before it takes a body. */
  keyHashes(): string[] {
    return this.#store.keyHashes(REGISTRY_LIMITS.keys);
  }

  /** Revokes every key of the stream. Who publishes with one of them may be replaced at once. */
  removeKeys(): void {
    this.#store.removeKeys();
    const current = this.#current;
    if (current === null || current.replica.state.ended) return;
    this.#store.setPublisher(current.replica.config.broadcast, NOBODY);
    current.publisher = NOBODY;
  }

  /** Opens a broadcast, or confirms that it is open. A new one sets who may watch the stream, unless `playback` is null. */
  async open(by: Publisher, config: BroadcastConfig, playback: Playback | null): Promise<PublishReply> {
    const refused = this.#refuse(by);
    if (refused !== null) return refused;
    const known = this.#store.broadcast(config.broadcast);
    if (known?.ended === true) return refuse("ended", "Open a broadcast with an id of its own.");
    const current = this.#current;
    if (known !== null && current?.replica.config.broadcast !== config.broadcast) {
      return refuse("ended", "Another broadcast took its place; open one with an id of its own.");
    }
    if (current !== null && !current.replica.state.ended && current.publisher !== by.id && this.#leased(current)) {
      return refuse("alreadyLive", "Stop the other publisher, or wait until it has been silent for 10 s.");
    }
    if (known === null) {
      if (current !== null && !current.replica.state.ended) this.#endNow(current, by.stream);
      if (playback !== null) this.#access.setPlayback(playback);
      this.#store.addBroadcast(config, by.id, Date.now());
      this.#adopt({ config, publisher: by.id, ended: false });
    } else if (current !== null) {
      this.#heard(current);
      if (current.publisher !== by.id) this.#store.setPublisher(config.broadcast, by.id);
      current.publisher = by.id;
    }
    await this.#current?.watch.setAlarm();
    if (playback !== null) await this.#tellRoom();
    return this.#accept();
  }

  /** Takes an init section. */
  init(by: Publisher, id: BroadcastId, track: TrackName, version: number, bytes: Uint8Array): PublishReply {
    const current = this.#publishing(by, id);
    if ("ok" in current) return current;
    const { replica } = current;
    if (replica.track(track) === undefined) return refuse("malformed", `This broadcast has no track ${track}.`);
    if (replica.init(track, version) !== null) return this.#accept();
    if (replica.initVersions(track).length >= LIMITS.initsPerTrack) {
      return refuse("tooLarge", `A track has at most ${LIMITS.initsPerTrack} init sections; open a new broadcast.`);
    }
    this.#store.addInit(id, track, version, bytes);
    this.#append(current, { kind: "init", track, version, byteLength: bytes.byteLength }, bytes);
    return this.#accept();
  }

  /** Takes a part; one that is there already is confirmed again. */
  part(by: Publisher, id: BroadcastId, track: TrackName, meta: PartMeta, bytes: Uint8Array): PublishReply {
    const current = this.#publishing(by, id);
    if ("ok" in current) return current;
    const state = current.replica.track(track);
    if (state === undefined) return refuse("malformed", `This broadcast has no track ${track}.`);
    const order = comparePositions(meta, nextPosition(state));
    if (order < 0) return this.#accept();
    if (order > 0) {
      const reply = refuse("outOfOrder", `Resend ${track} from the part named in \`tracks\`.`);
      return { ...reply, answer: publishAnswer(current.replica) };
    }
    if (meta.start !== undefined && current.replica.init(track, meta.start.initVersion) === null) {
      return refuse("initMissing", `Send init-${meta.start.initVersion}.mp4 of ${track} first.`);
    }
    if (this.#archive.pendingBytes > LIVE_LIMITS.pendingBytes) {
      return refuse("unavailable", "Storage is behind; keep this part and send it again.");
    }
    try {
      const held = bytes.byteLength === 0 ? null : bytes;
      this.#append(current, { kind: "part", track, meta, byteLength: bytes.byteLength }, held);
    } catch (error) {
      if (error instanceof LogError) return refuse("malformed", error.message);
      throw error;
    }
    if (meta.close !== undefined) this.#file(current, by.stream, track, meta.msn);
    return this.#accept();
  }

  /** Ends a broadcast once all of it is stored. */
  async end(by: Publisher, id: BroadcastId): Promise<PublishReply> {
    // Whoever sends its end again has the key; who hasn't is told nothing.
    const refused = this.#refuse(by);
    if (refused !== null) return refused;
    const current = this.#publishing(by, id);
    if ("ok" in current) return this.#store.broadcast(id)?.ended === true ? this.#accept() : current;
    await this.#archive.drained();
    if (!current.replica.state.ended) this.#endNow(current, by.stream);
    // Segments that were open are stored with the end.
    await this.#archive.drained();
    return this.#accept();
  }

  // ── access ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Who may watch, and whose tokens are revoked. */
  access(): Access {
    return this.#access.now;
  }

  /** Sets who may watch. Rejects where the room could not be told: to be set again. */
  async setPlayback(playback: Playback): Promise<void> {
    this.#access.setPlayback(playback);
    await this.#tellRoom();
  }

  /** Revokes tokens; false where the issuer has too many revocations. Rejects where the room could not be told. */
  async revoke(revoking: Revoking): Promise<boolean> {
    if (!this.#access.revoke(revoking, Date.now())) return false;
    // Whom it banned, the room knows better.
    if (revoking.by !== "ban") await this.#tellRoom();
    return true;
  }

  /** The stop that holds, or null, and who stopped the stream and undid that, the newest first. */
  stops(): { readonly stop: Stop | null; readonly records: StopRecord[] } {
    return { stop: standingStop(this.#access.now, Date.now()), records: this.#stops.list() };
  }

  /**
   * Stops the stream, or undoes that (null): no key publishes, no token opens anything, until it is undone or over. False
   * where it is not `by`'s to change. Rejects where the room could not be told: to be sent again.
   */
  async setStop(by: StopActor, wanted: Pick<Stop, "category" | "reason" | "untilMs"> | null): Promise<boolean> {
    const atMs = Date.now();
    const standing = standingStop(this.#access.now, atMs);
    if (!mayChangeStop(standing, by.authority)) return false;
    const stop = wanted === null ? null : { ...wanted, atMs, authority: by.authority };
    if (!isSameStop(standing, stop)) {
      const { category = null, reason = null, untilMs = null } = stop ?? {};
      this.#access.setStop(stop);
      this.#stops.add({ act: stop === null ? "undo" : "stop", atMs, ...by, category, reason, untilMs });
    }
    await this.#tellRoom();
    return true;
  }

  #tellRoom(): Promise<void> {
    return this.env.ROOM.getByName(this.ctx.id.name ?? "").setAccess(withoutBans(this.#access.now));
  }

  // ── serving ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `GET /feed`, as `readFeed` asks it: the feed of the latest broadcast, or where to go instead. 404 before the first one. */
  override async fetch(request: Request): Promise<Response> {
    const query = parseFeedQuery(request);
    if (query === null) return new Response(null, { status: 404 });
    const answer = this.#feed(query);
    this.#tally.answered("hits", answer.status);
    return answer;
  }

  #feed(query: FeedQuery): Response {
    const current = this.#current;
    if (current === null) return new Response(null, { status: 404 });
    const away = turnAway(this.#door, current.feeds, query);
    if (away !== null) return sendAway(away, () => null);
    this.#tally.take(query.report, Date.now());
    const { node, asker, from, want, have, moving } = query;
    const kind = asker.kind === "isolate" ? "isolate" : "shield";
    return new Response(current.feeds.open({ node, kind, from, want, have, moving }));
  }

  /** A part of the tail that the caller's replica lacks, or null. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Uint8Array | null {
    return this.#answered(this.#replicaOf(id)?.tail.part(track, msn, part) ?? null);
  }

  /** A closed segment that is not in R2 yet, or null. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Uint8Array | null {
    const replica = this.#replicaOf(id);
    const segment = replica?.track(track)?.segments.find((candidate) => candidate.msn === msn);
    return this.#answered(segment === undefined ? null : (replica?.tail.segment(track, segment) ?? null));
  }

  /** An init section of any broadcast of this stream, or null. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Uint8Array | null {
    return this.#answered(this.#replicaOf(id)?.init(track, version) ?? this.#store.init(id, track, version));
  }

  /** A playlist of any broadcast of this stream as it stands, or null; the whole of a broadcast once all of it is stored. */
  async pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    return this.#answered(await this.#playlist(id, track, file));
  }

  async #playlist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    const replica = this.#replicaOf(id);
    const ended = replica?.state.ended ?? true;
    if (ended && !this.#archive.isStoring(id)) {
      const row = this.#store.broadcast(id);
      const known = row?.config.tracks.some(({ name }) => name === track) ?? false;
      // One that isn't the latest any more is over, whatever its row says.
      return row !== null && known ? this.#recordings.playlist(this.#name, { ...row, ended: true }, track, file) : null;
    }
    if (isWhole(file) || replica?.track(track) === undefined) return null;
    return { text: windowPlaylist(replica, track, file), ended, changedMs: this.#store.endedMs(id) ?? Date.now() };
  }

  /** Ids of the stream's broadcasts: nodes below refuse what is asked of any other. */
  pullBroadcasts(): Uint8Array {
    this.#tally.answered("hits", 200);
    return Fingerprints.of(this.#store.broadcastIds(), this.#salt).encode();
  }

  /** What there is of a broadcast of this stream, or null. */
  pullOutline(id: BroadcastId): BroadcastOutline | null {
    const row = this.#store.broadcast(id);
    this.#tally.answered("hits", row === null ? 404 : 200);
    if (row === null) return null;
    const tracks = row.config.tracks.map(({ name }) => ({
      name,
      inits: this.#store.initVersions(id, name),
      lastMsn: this.#store.lastSegment(id, name),
    }));
    return { tracks, whole: row.ended && !this.#archive.isStoring(id) };
  }

  /** The stream's state and summed counters, or null before its first broadcast. */
  status(stream: StreamName): StreamStatus | null {
    const current = this.#current;
    if (current === null) return null;
    const { config } = current.replica;
    const now = Date.now();
    return {
      ...broadcastStatus(stream, current.replica, now - current.lastSeenMs > 2_000 * config.targetDurationS),
      at: now,
      countedFrom: this.#countedFrom,
      ...this.#tally.summary(now),
      children: current.feeds.count,
    };
  }

  /** A publisher that went away without a word: its broadcast ends. */
  override async alarm(): Promise<void> {
    const current = this.#current;
    if (current === null || current.replica.state.ended) return;
    if (!(await current.watch.rang())) return;
    console.warn(`broadcast ${current.replica.config.broadcast} was abandoned by its publisher and ends`);
    this.#endNow(current, this.#name);
  }

  /** Throws the object's memory away at once, as a crash or a deploy does; the caller's request fails with it. */
  restart(): void {
    this.ctx.abort("restarted on request");
  }

  /** The stream's broadcasts, newest first. */
  broadcasts(): BroadcastSummary[] {
    return this.#store.broadcasts(LIVE_LIMITS.listedBroadcasts);
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  get #name(): StreamName {
    return this.ctx.id.name as StreamName;
  }

  #adopt(row: BroadcastRow): void {
    this.#current?.feeds.close();
    const replica = this.#store.restore(row, crypto.randomUUID(), new Tail(LIVE_LIMITS.tailBytes));
    const status = (): StreamStatus | null => this.status(this.#name);
    const feeds = new Feeds(
      replica,
      status,
      () => this.#access.now,
      () => 0,
    );
    const watch = new PublisherWatch(this.ctx.storage, row.config.broadcast);
    this.#current = { replica, feeds, watch, publisher: row.publisher, lastSeenMs: Date.now() };
  }

  #heard(current: Current): void {
    current.lastSeenMs = Date.now();
    current.watch.heard();
  }

  /** The replica of the latest broadcast, where it is this one. */
  #replicaOf(id: BroadcastId): Replica | null {
    return this.#current?.replica.config.broadcast === id ? this.#current.replica : null;
  }

  /** Why nobody with this key publishes here, or null. What is stopped is told only to those who have a key. */
  #refuse(by: Publisher): (PublishReply & { ok: false }) | null {
    if (!this.#store.hasKey(by.keyHash)) return refuse("keyWrong", "Use the key that was issued for this stream.");
    const stop = standingStop(this.#access.now, Date.now());
    return stop === null ? null : refuse("stopped", stop.reason);
  }

  /** The broadcast that `by` may publish to, or why not. */
  #publishing(by: Publisher, id: BroadcastId): Current | (PublishReply & { ok: false }) {
    const refused = this.#refuse(by);
    if (refused !== null) return refused;
    const current = this.#current;
    if (current === null || current.replica.config.broadcast !== id) {
      return this.#store.broadcast(id) === null
        ? refuse("notOpen", "Open the broadcast first.")
        : refuse("ended", "Another broadcast took its place.");
    }
    if (current.replica.state.ended) return refuse("ended", "Open a broadcast with an id of its own.");
    if (current.publisher !== by.id) return refuse("alreadyLive", "Another process publishes this broadcast.");
    this.#heard(current);
    return current;
  }

  #leased({ publisher, lastSeenMs }: Current): boolean {
    const silentMs = Date.now() - lastSeenMs;
    // A clock that was set back says nothing of who is there.
    return publisher !== NOBODY && silentMs >= 0 && silentMs < LIVE_LIMITS.leaseMs;
  }

  #append(current: Current, entry: Entry, bytes: Uint8Array | null): void {
    current.replica.append(entry, bytes);
    current.feeds.send(entry, bytes);
  }

  #file(current: Current, stream: StreamName, track: TrackName, msn: number): void {
    const segment = current.replica.track(track)?.segments.find((candidate) => candidate.msn === msn);
    if (segment === undefined) return;
    const bytes = segment.byteLength === 0 ? null : current.replica.tail.segment(track, segment);
    this.#archive.add({ stream, broadcast: current.replica.config.broadcast, track, segment, bytes });
  }

  #list(jobs: readonly ArchiveJob[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const { broadcast, track, segment } of jobs) this.#store.addSegment(broadcast, track, segment);
    });
    const current = this.#current;
    if (current === null || current.replica.state.ended) return;
    for (const { broadcast, track, segment } of jobs) {
      if (current.replica.config.broadcast !== broadcast) continue;
      this.#append(current, { kind: "durable", track, msn: segment.msn }, null);
    }
  }

  #endNow(current: Current, stream: StreamName): void {
    const { config, state } = current.replica;
    const open = [...state.tracks.values()].flatMap(({ track, segments }) => {
      const last = segments.at(-1);
      return last === undefined || last.closed ? [] : [{ track: track.name, msn: last.msn }];
    });
    this.#store.endBroadcast(config.broadcast, Date.now());
    this.#append(current, { kind: "end" }, null);
    for (const { track, msn } of open) this.#file(current, stream, track, msn);
    const row: BroadcastRow = { config, publisher: current.publisher, ended: true };
    void this.#archive.drained().then(() => this.#recordings.file(stream, row));
  }

  #accept(): PublishReply {
    const current = this.#current;
    if (current === null) return refuse("notOpen", "Open the broadcast first.");
    return { ok: true, answer: publishAnswer(current.replica) };
  }

  #answered<T>(found: T | null): T | null {
    this.#tally.answered("hits", found === null ? 404 : 200);
    return found;
  }
}

/** Whether one stop, or its absence, is as good as another: one that is sent again is recorded once. */
function isSameStop(a: Stop | null, b: Stop | null): boolean {
  if (a === null || b === null) return a === b;
  const { authority, category, reason, untilMs } = b;
  return a.authority === authority && a.category === category && a.reason === reason && a.untilMs === untilMs;
}

function refuse(why: keyof typeof problems, detail: string): PublishReply & { ok: false } {
  return { ok: false, problem: problems[why](detail) };
}
