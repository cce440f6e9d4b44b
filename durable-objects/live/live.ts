/**
 * The Live object: the authority for one stream's broadcast. It appends to the log, keeps the tail in memory, stores
 * finished segments, and feeds replicas. Its memory may vanish at any moment: SQLite, R2 and the publisher rebuild it.
 */
import { DurableObject } from "cloudflare:workers";
import {
  type AccessPolicy,
  type AccessPolicyReceiver,
  type PlaybackPolicy,
  withoutBans,
} from "../../core/access/access-policy.ts";
import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import type { RevocationRequest } from "../../core/access/revocation-pools.ts";
import {
  activeStop,
  mayChangeStop,
  type StopActor,
  type StopRecord,
  type StreamStop,
} from "../../core/access/stream-stop.ts";
import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import type { BroadcastConfig, LogEntry, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import { BroadcastLogError } from "../../core/broadcast/segment-window.ts";
import type { BroadcastSummary, StreamStatus } from "../../core/broadcast/stream-status.ts";
import { TailBuffer } from "../../core/broadcast/tail-buffer.ts";
import { comparePartPositions, nextPartOf } from "../../core/broadcast/track-position.ts";
import { NodeCounters } from "../../core/delivery/node-counters.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import { FeedAdmission } from "../../core/delivery/tree/feed-admission.ts";
import { LIVE_ADDRESS } from "../../core/delivery/tree/node-address.ts";
import { type FeedQuery, parseFeedQuery } from "../../core/delivery/workerd/feed-client.ts";
import { FeedFanout } from "../../core/delivery/workerd/feed-fanout.ts";
import { redirectResponse, redirectSubscriber } from "../../core/delivery/workerd/feed-redirect.ts";
import type { BroadcastOutline, StoredPlaylist } from "../../core/delivery/workerd/upstream-node.ts";
import { type PublishResult, publishProblems } from "../../core/ingest/publish-result.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import { StreamAccessStore } from "./access-store.ts";
import { describeBroadcast, describePublishProgress } from "./broadcast-status.ts";
import { type BroadcastRow, BroadcastStore } from "./broadcast-store.ts";
import { PublisherWatch } from "./publisher-watch.ts";
import { isVodPlaylist, RecordingPlaylists, renderWindowPlaylist } from "./recording-playlists.ts";
import { type ArchiveJob, SegmentArchive } from "./segment-archive.ts";
import { StopRecordStore } from "./stop-record-store.ts";

/** What the Live object is bound to. */
export interface LiveEnv {
  readonly MEDIA: R2Bucket;
  readonly ROOM: { getByName(name: string): AccessPolicyReceiver };
}

/** Who publishes: the stream, the hash of the key it sent, and the publishing process's random id. */
export interface PublisherIdentity {
  readonly stream: StreamName;
  readonly keyHash: string;
  readonly id: string;
}

/** Who publishes a broadcast whose publisher's key was revoked. */
const NO_PUBLISHER = "";

interface ActiveBroadcast {
  readonly replica: Replica;
  readonly fanout: FeedFanout;
  publisher: string;
  lastActivityMs: number;
  readonly publisherWatch: PublisherWatch;
}

/** One stream's Live object, named by the stream. */
export class Live extends DurableObject<LiveEnv> {
  readonly #store: BroadcastStore;
  readonly #archive: SegmentArchive;
  readonly #recordings: RecordingPlaylists;
  readonly #accessStore: StreamAccessStore;
  readonly #stopRecords: StopRecordStore;
  readonly #counters = new NodeCounters("live", "live");
  readonly #countingSinceMs = Date.now();
  readonly #admission = new FeedAdmission(LIVE_ADDRESS);
  /** Of the ids that nodes below hold copies of. */
  readonly #fingerprintSalt = Math.floor(Math.random() * 2 ** 32);
  #current: ActiveBroadcast | null = null;

  constructor(ctx: DurableObjectState, env: LiveEnv) {
    super(ctx, env);
    this.#store = new BroadcastStore(ctx.storage.sql);
    this.#archive = new SegmentArchive(env.MEDIA, (jobs) => this.#indexSegments(jobs));
    this.#recordings = new RecordingPlaylists(env.MEDIA, this.#store);
    this.#accessStore = new StreamAccessStore(ctx.storage, (change) => this.#current?.fanout.sendAccess(change));
    this.#stopRecords = new StopRecordStore(ctx.storage);
    const latest = this.#store.readLatestBroadcast();
    if (latest === null) return;
    this.#activateBroadcast(latest);
    if (!latest.ended)
      ctx.blockConcurrencyWhile(() => this.#current?.publisherWatch.restoreAlarm() ?? Promise.resolve());
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Issues a stream key: only its hash is kept. */
  addKey(hash: string): void {
    this.#store.addKey(hash, Date.now());
  }

  /** Hashes of the stream's keys: what a gateway judges a publisher by before it takes a body. */
  keyHashes(): string[] {
    return this.#store.listKeyHashes(REGISTRY_LIMITS.keysPerStream);
  }

  /** Revokes every key of the stream. Who publishes with one of them may be replaced at once. */
  removeKeys(): void {
    this.#store.removeKeys();
    const current = this.#current;
    if (current === null || current.replica.state.ended) return;
    this.#store.setPublisher(current.replica.config.broadcast, NO_PUBLISHER);
    current.publisher = NO_PUBLISHER;
  }

  /** Opens a broadcast, or confirms that it is open. A new one sets who may watch the stream, unless `playback` is null. */
  async open(by: PublisherIdentity, config: BroadcastConfig, playback: PlaybackPolicy | null): Promise<PublishResult> {
    const refused = this.#refusePublisher(by);
    if (refused !== null) return refused;
    const known = this.#store.readBroadcast(config.broadcast);
    if (known?.ended === true) return refusePublish("ended", "Open a broadcast with an id of its own.");
    const current = this.#current;
    if (known !== null && current?.replica.config.broadcast !== config.broadcast) {
      return refusePublish("ended", "Another broadcast took its place; open one with an id of its own.");
    }
    if (current !== null && !current.replica.state.ended && current.publisher !== by.id && this.#holdsLease(current)) {
      return refusePublish("alreadyLive", "Stop the other publisher, or wait until it has been silent for 10 s.");
    }
    if (known === null) {
      if (current !== null && !current.replica.state.ended) this.#endBroadcast(current, by.stream);
      if (playback !== null) this.#accessStore.setPlaybackPolicy(playback);
      this.#store.addBroadcast(config, by.id, Date.now());
      this.#activateBroadcast({ config, publisher: by.id, ended: false });
    } else if (current !== null) {
      this.#recordPublisherActivity(current);
      if (current.publisher !== by.id) this.#store.setPublisher(config.broadcast, by.id);
      current.publisher = by.id;
    }
    await this.#current?.publisherWatch.scheduleAlarm();
    if (playback !== null) await this.#sendAccessToRoom();
    return this.#acceptPublish();
  }

  /** Takes an init section. */
  init(by: PublisherIdentity, id: BroadcastId, track: TrackName, version: number, bytes: Uint8Array): PublishResult {
    const current = this.#findPublishedBroadcast(by, id);
    if ("ok" in current) return current;
    const { replica } = current;
    if (replica.track(track) === undefined) return refusePublish("malformed", `This broadcast has no track ${track}.`);
    if (replica.initSection(track, version) !== null) return this.#acceptPublish();
    if (replica.initVersions(track).length >= BROADCAST_LIMITS.initsPerTrack) {
      return refusePublish(
        "tooLarge",
        `A track has at most ${BROADCAST_LIMITS.initsPerTrack} init sections; open a new broadcast.`,
      );
    }
    this.#store.addInit(id, track, version, bytes);
    this.#appendEntry(current, { kind: "init", track, version, byteLength: bytes.byteLength }, bytes);
    return this.#acceptPublish();
  }

  /** Takes a part; one that is there already is confirmed again. */
  part(by: PublisherIdentity, id: BroadcastId, track: TrackName, meta: PartMeta, bytes: Uint8Array): PublishResult {
    const current = this.#findPublishedBroadcast(by, id);
    if ("ok" in current) return current;
    const state = current.replica.track(track);
    if (state === undefined) return refusePublish("malformed", `This broadcast has no track ${track}.`);
    const order = comparePartPositions(meta, nextPartOf(state));
    if (order < 0) return this.#acceptPublish();
    if (order > 0) {
      const reply = refusePublish("outOfOrder", `Resend ${track} from the part named in \`tracks\`.`);
      return { ...reply, answer: describePublishProgress(current.replica) };
    }
    if (meta.start !== undefined && current.replica.initSection(track, meta.start.initVersion) === null) {
      return refusePublish("initMissing", `Send init-${meta.start.initVersion}.mp4 of ${track} first.`);
    }
    if (this.#archive.pendingBytes > LIVE_LIMITS.pendingArchiveBytes) {
      return refusePublish("unavailable", "Storage is behind; keep this part and send it again.");
    }
    try {
      const held = bytes.byteLength === 0 ? null : bytes;
      this.#appendEntry(current, { kind: "part", track, meta, byteLength: bytes.byteLength }, held);
    } catch (error) {
      if (error instanceof BroadcastLogError) return refusePublish("malformed", error.message);
      throw error;
    }
    if (meta.close !== undefined) this.#archiveSegment(current, by.stream, track, meta.msn);
    return this.#acceptPublish();
  }

  /** Ends a broadcast once all of it is stored. */
  async end(by: PublisherIdentity, id: BroadcastId): Promise<PublishResult> {
    // Whoever sends its end again has the key; who hasn't is told nothing.
    const refused = this.#refusePublisher(by);
    if (refused !== null) return refused;
    const current = this.#findPublishedBroadcast(by, id);
    if ("ok" in current) return this.#store.readBroadcast(id)?.ended === true ? this.#acceptPublish() : current;
    await this.#archive.whenDrained();
    if (!current.replica.state.ended) this.#endBroadcast(current, by.stream);
    // Segments that were open are stored with the end.
    await this.#archive.whenDrained();
    return this.#acceptPublish();
  }

  // ── access ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Who may watch, and whose tokens are revoked. */
  access(): AccessPolicy {
    return this.#accessStore.current;
  }

  /** Sets who may watch. Rejects where the room could not be told: to be set again. */
  async setPlayback(playback: PlaybackPolicy): Promise<void> {
    this.#accessStore.setPlaybackPolicy(playback);
    await this.#sendAccessToRoom();
  }

  /** Revokes tokens; false where the issuer has too many revocations. Rejects where the room could not be told. */
  async revoke(revoking: RevocationRequest): Promise<boolean> {
    if (!this.#accessStore.revoke(revoking, Date.now())) return false;
    // Whom it banned, the room knows better.
    if (revoking.by !== "ban") await this.#sendAccessToRoom();
    return true;
  }

  /** The stop that holds, or null, and who stopped the stream and undid that, the newest first. */
  stops(): { readonly stop: StreamStop | null; readonly records: StopRecord[] } {
    return { stop: activeStop(this.#accessStore.current, Date.now()), records: this.#stopRecords.listRecords() };
  }

  /**
   * Stops the stream, or undoes that (null): no key publishes, no token opens anything, until it is undone or over. False
   * where it is not `by`'s to change. Rejects where the room could not be told: to be sent again.
   */
  async setStop(
    by: StopActor,
    requestedStop: Pick<StreamStop, "category" | "reason" | "untilMs"> | null,
  ): Promise<boolean> {
    const atMs = Date.now();
    const standing = activeStop(this.#accessStore.current, atMs);
    if (!mayChangeStop(standing, by.authority)) return false;
    const stop = requestedStop === null ? null : { ...requestedStop, atMs, authority: by.authority };
    if (!isSameStop(standing, stop)) {
      const { category = null, reason = null, untilMs = null } = stop ?? {};
      this.#accessStore.setStop(stop);
      this.#stopRecords.addRecord({ act: stop === null ? "undo" : "stop", atMs, ...by, category, reason, untilMs });
    }
    await this.#sendAccessToRoom();
    return true;
  }

  #sendAccessToRoom(): Promise<void> {
    return this.env.ROOM.getByName(this.ctx.id.name ?? "").setAccess(withoutBans(this.#accessStore.current));
  }

  // ── serving ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `GET /feed`, as `readFeed` asks it: the feed of the latest broadcast, or where to go instead. 404 before the first one. */
  override async fetch(request: Request): Promise<Response> {
    const query = parseFeedQuery(request);
    if (query === null) return new Response(null, { status: 404 });
    const answer = this.#openFeed(query);
    this.#counters.countRequest("hits", answer.status);
    return answer;
  }

  #openFeed(query: FeedQuery): Response {
    const current = this.#current;
    if (current === null) return new Response(null, { status: 404 });
    const away = redirectSubscriber(this.#admission, current.fanout, query);
    if (away !== null) return redirectResponse(away, () => null);
    this.#counters.addChildReport(query.report, Date.now());
    const { nodeId, requester, resumeFrom, wantedTracks, heldTracks, isHandover } = query;
    const kind = requester.kind === "isolate" ? "isolate" : "shield";
    return new Response(current.fanout.subscribe({ nodeId, kind, resumeFrom, wantedTracks, heldTracks, isHandover }));
  }

  /** A part of the tail that the caller's replica lacks, or null. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Uint8Array | null {
    return this.#countPull(this.#findReplica(id)?.tail.partBytes(track, msn, part) ?? null);
  }

  /** A closed segment that is not in R2 yet, or null. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Uint8Array | null {
    const replica = this.#findReplica(id);
    const segment = replica?.track(track)?.segments.find((candidate) => candidate.msn === msn);
    return this.#countPull(segment === undefined ? null : (replica?.tail.assembleSegment(track, segment) ?? null));
  }

  /** An init section of any broadcast of this stream, or null. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Uint8Array | null {
    return this.#countPull(
      this.#findReplica(id)?.initSection(track, version) ?? this.#store.readInit(id, track, version),
    );
  }

  /** A playlist of any broadcast of this stream as it stands, or null; the whole of a broadcast once all of it is stored. */
  async pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    return this.#countPull(await this.#loadPlaylist(id, track, file));
  }

  async #loadPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    const replica = this.#findReplica(id);
    const ended = replica?.state.ended ?? true;
    if (ended && !this.#archive.isStoring(id)) {
      const row = this.#store.readBroadcast(id);
      const known = row?.config.tracks.some(({ name }) => name === track) ?? false;
      // One that isn't the latest any more is over, whatever its row says.
      return row !== null && known
        ? this.#recordings.render(this.#streamName, { ...row, ended: true }, track, file)
        : null;
    }
    if (isVodPlaylist(file) || replica?.track(track) === undefined) return null;
    return {
      text: renderWindowPlaylist(replica, track, file),
      ended,
      changedMs: this.#store.readEndedMs(id) ?? Date.now(),
    };
  }

  /** Ids of the stream's broadcasts: nodes below refuse what is asked of any other. */
  pullBroadcasts(): Uint8Array {
    this.#counters.countRequest("hits", 200);
    return FingerprintSet.fromNames(this.#store.listBroadcastIds(), this.#fingerprintSalt).encode();
  }

  /** What there is of a broadcast of this stream, or null. */
  pullOutline(id: BroadcastId): BroadcastOutline | null {
    const row = this.#store.readBroadcast(id);
    this.#counters.countRequest("hits", row === null ? 404 : 200);
    if (row === null) return null;
    const tracks = row.config.tracks.map(({ name }) => ({
      name,
      inits: this.#store.listInitVersions(id, name),
      lastMsn: this.#store.findLastSegment(id, name),
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
      ...describeBroadcast(stream, current.replica, now - current.lastActivityMs > 2_000 * config.targetDurationS),
      at: now,
      countedFrom: this.#countingSinceMs,
      ...this.#counters.summarize(now),
      children: current.fanout.subscriberCount,
    };
  }

  /** A publisher that went away without a word: its broadcast ends. */
  override async alarm(): Promise<void> {
    const current = this.#current;
    if (current === null || current.replica.state.ended) return;
    if (!(await current.publisherWatch.handleAlarm())) return;
    console.warn(`broadcast ${current.replica.config.broadcast} was abandoned by its publisher and ends`);
    this.#endBroadcast(current, this.#streamName);
  }

  /** Throws the object's memory away at once, as a crash or a deploy does; the caller's request fails with it. */
  restart(): void {
    this.ctx.abort("restarted on request");
  }

  /** The stream's broadcasts, newest first. */
  broadcasts(): BroadcastSummary[] {
    return this.#store.listBroadcasts(LIVE_LIMITS.listedBroadcasts);
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

  get #streamName(): StreamName {
    return this.ctx.id.name as StreamName;
  }

  #activateBroadcast(row: BroadcastRow): void {
    this.#current?.fanout.closeAll();
    const replica = this.#store.restoreReplica(row, crypto.randomUUID(), new TailBuffer(LIVE_LIMITS.tailBytes));
    const status = (): StreamStatus | null => this.status(this.#streamName);
    const feeds = new FeedFanout(
      replica,
      status,
      () => this.#accessStore.current,
      () => 0,
    );
    const watch = new PublisherWatch(this.ctx.storage, row.config.broadcast);
    this.#current = {
      replica,
      fanout: feeds,
      publisherWatch: watch,
      publisher: row.publisher,
      lastActivityMs: Date.now(),
    };
  }

  #recordPublisherActivity(current: ActiveBroadcast): void {
    current.lastActivityMs = Date.now();
    current.publisherWatch.recordActivity();
  }

  /** The replica of the latest broadcast, where it is this one. */
  #findReplica(id: BroadcastId): Replica | null {
    return this.#current?.replica.config.broadcast === id ? this.#current.replica : null;
  }

  /** Why nobody with this key publishes here, or null. What is stopped is told only to those who have a key. */
  #refusePublisher(by: PublisherIdentity): (PublishResult & { ok: false }) | null {
    if (!this.#store.hasKey(by.keyHash))
      return refusePublish("keyWrong", "Use the key that was issued for this stream.");
    const stop = activeStop(this.#accessStore.current, Date.now());
    return stop === null ? null : refusePublish("stopped", stop.reason);
  }

  /** The broadcast that `by` may publish to, or why not. */
  #findPublishedBroadcast(by: PublisherIdentity, id: BroadcastId): ActiveBroadcast | (PublishResult & { ok: false }) {
    const refused = this.#refusePublisher(by);
    if (refused !== null) return refused;
    const current = this.#current;
    if (current === null || current.replica.config.broadcast !== id) {
      return this.#store.readBroadcast(id) === null
        ? refusePublish("notOpen", "Open the broadcast first.")
        : refusePublish("ended", "Another broadcast took its place.");
    }
    if (current.replica.state.ended) return refusePublish("ended", "Open a broadcast with an id of its own.");
    if (current.publisher !== by.id) return refusePublish("alreadyLive", "Another process publishes this broadcast.");
    this.#recordPublisherActivity(current);
    return current;
  }

  #holdsLease({ publisher, lastActivityMs }: ActiveBroadcast): boolean {
    const silentMs = Date.now() - lastActivityMs;
    // A clock that was set back says nothing of who is there.
    return publisher !== NO_PUBLISHER && silentMs >= 0 && silentMs < LIVE_LIMITS.publisherLeaseMs;
  }

  #appendEntry(current: ActiveBroadcast, entry: LogEntry, bytes: Uint8Array | null): void {
    current.replica.appendEntry(entry, bytes);
    current.fanout.sendEntry(entry, bytes);
  }

  #archiveSegment(current: ActiveBroadcast, stream: StreamName, track: TrackName, msn: number): void {
    const segment = current.replica.track(track)?.segments.find((candidate) => candidate.msn === msn);
    if (segment === undefined) return;
    const bytes = segment.byteLength === 0 ? null : current.replica.tail.assembleSegment(track, segment);
    this.#archive.enqueue({ stream, broadcast: current.replica.config.broadcast, track, segment, bytes });
  }

  #indexSegments(jobs: readonly ArchiveJob[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const { broadcast, track, segment } of jobs) this.#store.addSegment(broadcast, track, segment);
    });
    const current = this.#current;
    if (current === null || current.replica.state.ended) return;
    for (const { broadcast, track, segment } of jobs) {
      if (current.replica.config.broadcast !== broadcast) continue;
      this.#appendEntry(current, { kind: "durable", track, msn: segment.msn }, null);
    }
  }

  #endBroadcast(current: ActiveBroadcast, stream: StreamName): void {
    const { config, state } = current.replica;
    const open = [...state.tracks.values()].flatMap(({ track, segments }) => {
      const last = segments.at(-1);
      return last === undefined || last.closed ? [] : [{ track: track.name, msn: last.msn }];
    });
    this.#store.endBroadcast(config.broadcast, Date.now());
    this.#appendEntry(current, { kind: "end" }, null);
    for (const { track, msn } of open) this.#archiveSegment(current, stream, track, msn);
    const row: BroadcastRow = { config, publisher: current.publisher, ended: true };
    void this.#archive.whenDrained().then(() => this.#recordings.storeAll(stream, row));
  }

  #acceptPublish(): PublishResult {
    const current = this.#current;
    if (current === null) return refusePublish("notOpen", "Open the broadcast first.");
    return { ok: true, answer: describePublishProgress(current.replica) };
  }

  #countPull<T>(found: T | null): T | null {
    this.#counters.countRequest("hits", found === null ? 404 : 200);
    return found;
  }
}

/** Whether one stop, or its absence, is as good as another: one that is sent again is recorded once. */
function isSameStop(a: StreamStop | null, b: StreamStop | null): boolean {
  if (a === null || b === null) return a === b;
  const { authority, category, reason, untilMs } = b;
  return a.authority === authority && a.category === category && a.reason === reason && a.untilMs === untilMs;
}

function refusePublish(why: keyof typeof publishProblems, detail: string): PublishResult & { ok: false } {
  return { ok: false, problem: publishProblems[why](detail) };
}
