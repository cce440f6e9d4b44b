/**
 * The Live object: the authority for one stream's broadcast. It appends to the log, keeps the tail in memory, stores
 * finished segments, and feeds replicas. Its memory may be lost at any moment: SQLite, R2 and the publisher rebuild it.
 */
import { DurableObject } from "cloudflare:workers";
import type { AccessPolicy, PlaybackPolicy } from "../../core/access/access-policy.ts";
import { FingerprintSet } from "../../core/access/registry/fingerprint-set.ts";
import type { RevocationRequest } from "../../core/access/revocation-pools.ts";
import type { StreamKeyInfo } from "../../core/access/stream-key.ts";
import type { StopActor, StopRecord, StreamStop } from "../../core/access/stream-stop.ts";
import type { BroadcastSummary, StreamStatus } from "../../core/broadcast/stream-status.ts";
import { parseFeedQuery } from "../../core/delivery/feed-client.ts";
import { NodeCounters } from "../../core/delivery/node-counters.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import { FeedAdmission } from "../../core/delivery/tree/feed-admission.ts";
import { LIVE_ADDRESS } from "../../core/delivery/tree/node-address.ts";
import type { BroadcastOutline, StoredPlaylist } from "../../core/delivery/upstream-node.ts";
import type {
  PublicProfile,
  StreamDetails,
  StreamImageName,
  StreamProfile,
} from "../../core/directory/stream-details.ts";
import { type LiveEventBody, parseDomainEvent } from "../../core/events/domain-events.ts";
import type { HealthReport } from "../../core/ingest/health/health-check.ts";
import type { HealthHistory } from "../../core/ingest/health/health-history.ts";
import type { StreamHealth } from "../../core/ingest/health/health-schemas.ts";
import { type PublishRefusal, type PublishResult, refusePublish } from "../../core/ingest/publish-result.ts";
import type { PublisherIdentity, PublisherStatus } from "../../core/ingest/publisher-identity.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import type { QualityTables, ViewerQuality } from "../../core/quality/quality-tally.ts";
import { AlarmSchedule } from "../kit/alarm-schedule.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { Outbox } from "../kit/outbox.ts";
import { platformOf } from "../kit/platform-of.ts";
import type { ActiveBroadcast } from "./active-broadcast.ts";
import { BroadcastLifecycle } from "./broadcast-lifecycle.ts";
import { describeStatus, latestProgramTimeMs } from "./broadcast-status.ts";
import { BroadcastStore } from "./broadcast-store.ts";
import { DirectoryEntry } from "./directory-entry.ts";
import type { LiveEnv } from "./live-env.ts";
import { openLiveFeed } from "./live-feed.ts";
import { createLiveOutbox, deliverUnawaited, ROOM_SUBSCRIBER } from "./live-outbox.ts";
import { openLiveStorage } from "./live-schema.ts";
import { MediaReads } from "./media-reads.ts";
import { ProfileStore } from "./profile-store.ts";
import { PublisherCredentials } from "./publisher-credentials.ts";
import type { LiveAlarm } from "./publisher-watch.ts";
import { Publishing } from "./publishing.ts";
import { RecordingPlaylists } from "./recording-playlists.ts";
import { restoreBroadcast } from "./restore-broadcast.ts";
import { SegmentArchive } from "./segment-archive.ts";
import { StreamAccess } from "./stream-access.ts";
import { HealthReports } from "./stream-health.ts";
import { type NewStreamKey, StreamKeyStore } from "./stream-key-store.ts";
import { type KeyRotation, StreamKeys } from "./stream-keys.ts";

/** One stream's Live object, named by the stream. */
export class Live extends DurableObject<LiveEnv> {
  platform: Platform = systemPlatform;
  readonly #storage: LazyStorage;
  readonly #store: BroadcastStore;
  readonly #alarms: AlarmSchedule<LiveAlarm>;
  readonly #outbox: Outbox<LiveEventBody>;
  readonly #access: StreamAccess;
  readonly #keys: StreamKeys;
  readonly #credentials: PublisherCredentials;
  readonly #publishing: Publishing;
  readonly #reads: MediaReads;
  readonly #health: HealthReports;
  readonly #profile: ProfileStore;
  readonly #directoryEntry: DirectoryEntry;
  readonly #counters = new NodeCounters("live", "live");
  readonly #countingSinceMs: number;
  readonly #admission = new FeedAdmission(LIVE_ADDRESS);
  /** Salts the fingerprints of broadcast ids that nodes below hold. */
  readonly #fingerprintSalt: number;

  constructor(ctx: DurableObjectState, env: LiveEnv) {
    super(ctx, env);
    const platform = platformOf(this);
    const { clock } = platform;
    const stream = ctx.id.name as StreamName;
    this.#countingSinceMs = clock.nowMs();
    this.#fingerprintSalt = Math.floor(platform.random() * 2 ** 32);
    this.#storage = openLiveStorage(ctx.storage);
    this.#store = new BroadcastStore(this.#storage);
    this.#alarms = new AlarmSchedule(ctx.storage, "publisher");
    const [storage, store, alarms] = [this.#storage, this.#store, this.#alarms];
    const appendEvent = (body: LiveEventBody, id?: string): void => this.#appendEvent(body, id);
    this.#health = new HealthReports({
      ...{ storage, alarms, clock, appendEvent },
      broadcast: () => this.#activeBroadcast?.id ?? null,
      viewers: () => this.#counters.estimateAudience(clock.monotonicMs()).viewers,
    });
    this.#profile = new ProfileStore(storage, appendEvent);
    this.#directoryEntry = new DirectoryEntry({
      ...{ stream, storage, store, clock, profile: this.#profile, counters: this.#counters },
      access: () => this.#access.policy,
      directory: () => this.env.DIRECTORY,
      current: () => this.#publishing.current,
    });
    this.#outbox = createLiveOutbox({
      ...{ storage, platform, alarms },
      policy: () => this.#access.policy,
      room: () => this.env.ROOM.getByName(stream),
      directory: this.#directoryEntry.subscriber,
    });
    const onChange = (change: AccessPolicy): void => this.#publishing.current?.fanout.sendAccess(change);
    const setExpiryAlarm = (atMs: number): Promise<void> => alarms.scheduleBy("revocations", atMs);
    this.#access = new StreamAccess({ storage, clock, appendEvent, setExpiryAlarm, onChange });
    const keys = new StreamKeyStore(storage);
    const runningCredential = (): string => this.#publishing.current?.seat.credential ?? "";
    this.#keys = new StreamKeys({ storage, store: keys, clock, runningCredential });
    this.#credentials = new PublisherCredentials({ storage, store: keys, access: this.#access, clock });
    const recordings = new RecordingPlaylists(env.MEDIA, store, clock);
    const parts = {
      ...{ store, storage, alarms, platform },
      access: () => this.#access.policy,
      status: () => {
        this.#publishing.updateLifecycle();
        return this.status(stream);
      },
    };
    this.#publishing = new Publishing({
      ...{ stream, storage, store, recordings, clock },
      access: this.#access,
      credentials: this.#credentials,
      lifecycle: new BroadcastLifecycle({ storage, clock, appendEvent }),
      createArchive: (onStored) => new SegmentArchive(env.MEDIA, onStored, platform),
      restoreBroadcast: (row, isNew) => restoreBroadcast(parts, row, isNew),
    });
    const [publishing, counters] = [this.#publishing, this.#counters];
    this.#reads = new MediaReads({ stream, store, recordings, publishing, counters, clock });
    if (storage.exists) void ctx.blockConcurrencyWhile(() => this.#resume());
  }

  // ── publishing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Issues a stream key, of which only the hash is stored; null if the stream has too many. */
  addKey(key: NewStreamKey): StreamKeyInfo | null {
    return this.#keys.issue(key);
  }

  /** The stream's keys, the one issued last first. */
  keys(): StreamKeyInfo[] {
    return this.#keys.list();
  }

  /** Hashes of the stream's keys, by which a gateway checks a publisher before it reads a body. */
  keyHashes(): string[] {
    return this.#keys.hashes();
  }

  /** Issues a key in place of another, which begins no session after `overlapMs`. */
  rotateKey(id: string, overlapMs: number, next: Pick<NewStreamKey, "id" | "hash">): KeyRotation {
    return this.#keys.rotate(id, overlapMs, next);
  }

  /** Revokes a key; false if there is none. Its publisher is refused from then on and may be replaced at once. */
  revokeKey(id: string): boolean {
    return this.#storage.transaction(() => {
      if (this.#publishing.current?.seat.credential === id) this.#health.revoke();
      const isRevoked = this.#keys.revoke(id);
      if (isRevoked) this.#publishing.removePublisher(id);
      return isRevoked;
    });
  }

  /** Revokes every key of the stream, and the publish tokens issued so far. */
  removeKeys(): void {
    this.#storage.transaction(() => {
      if (this.#activeBroadcast !== null) this.#health.revoke();
      this.#keys.revokeAll();
      this.#credentials.revokeTokens();
      this.#publishing.removePublisher(null);
    });
  }

  /** What a publisher's credential permits now; nothing is counted. */
  publisherStatus(by: PublisherIdentity): PublisherStatus | PublishRefusal {
    return this.#publishing.status(by);
  }

  /** Takes an ingest node's report of its sender's health; null if it is taken. The live publisher's is not overwritten. */
  putHealth(by: PublisherIdentity, report: HealthReport): PublishRefusal | null {
    const status = this.#publishing.status(by);
    if ("ok" in status) return status;
    if (status.live?.isOwn === false) return refusePublish("alreadyLive");
    return this.#health.store(report) ? null : refusePublish("tooMany", "Send a report every 2 s.");
  }

  /** The ingest health as it was last reported, with the samples after `afterMs`. */
  health(afterMs: number): StreamHealth {
    return this.#health.describe(afterMs);
  }

  /** The health of the last 30 days within a range, ms since the epoch; null: from the oldest, to the newest. */
  healthHistory(fromMs: number | null, toMs: number | null): HealthHistory {
    return this.#health.history.describe(fromMs, toMs);
  }

  /** Adds an isolate's sums of viewers' reports. */
  addQuality(tables: QualityTables): void {
    this.#health.quality.add(tables);
  }

  /** What viewers reported within a range of the last 30 days; as `healthHistory`. */
  viewerQuality(fromMs: number | null, toMs: number | null): ViewerQuality {
    return this.#health.quality.describe(fromMs, toMs);
  }

  /**
   * Opens a broadcast, or confirms that it is open. A new one sets the playback policy, unless that is null. Rejects while
   * the room does not have the policy yet.
   */
  async open(...opening: Parameters<Publishing["open"]>): Promise<PublishResult> {
    const result = await this.#publishing.open(...opening);
    if (result.ok && opening[2] !== null) await this.#outbox.deliver(ROOM_SUBSCRIBER);
    return result;
  }

  /** Stores an init section. */
  init(...init: Parameters<Publishing["init"]>): PublishResult {
    return this.#publishing.init(...init);
  }

  /** Passes chunks on to the viewers that take them, or appends a part that they begin. */
  chunks(...chunks: Parameters<Publishing["chunks"]>): PublishResult {
    return this.#publishing.chunks(...chunks);
  }

  /** Appends a part; a repeated one is confirmed again. */
  part(...part: Parameters<Publishing["part"]>): PublishResult {
    return this.#publishing.part(...part);
  }

  /** Makes a backup the publisher of a broadcast at once; `isForced`: with a credential of any role. */
  handover(by: PublisherIdentity, id: BroadcastId, isForced: boolean): Promise<PublishResult> {
    return this.#publishing.handover(by, id, isForced);
  }

  /** Ends a broadcast once all of it is stored. */
  end(by: PublisherIdentity, id: BroadcastId): Promise<PublishResult> {
    return this.#publishing.end(by, id);
  }

  // ── access ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The stream's access policy with all revocations. */
  access(): AccessPolicy {
    return this.#access.policy;
  }

  /** Sets the playback policy. Rejects while the room has not received it yet; the outbox repeats the delivery. */
  async setPlayback(playback: PlaybackPolicy): Promise<void> {
    this.#access.setPlaybackPolicy(playback);
    await this.#outbox.deliver(ROOM_SUBSCRIBER);
  }

  /** Revokes tokens; false if the issuer's pool is full. Rejects while the room has not received the change. */
  async revoke(request: RevocationRequest): Promise<boolean> {
    if (!this.#access.revoke(request)) return false;
    if (request.by !== "ban") await this.#outbox.deliver(ROOM_SUBSCRIBER);
    return true;
  }

  /** The stop in force, or null, and the record of stops, newest first. */
  stops(): { readonly stop: StreamStop | null; readonly records: StopRecord[] } {
    return this.#access.stops();
  }

  /**
   * Stops the stream, or undoes the stop (null): no key can publish and no token is valid until it is undone or expires.
   * False if `by` may not change the stop in force. Rejects while the room has not received the stop.
   */
  async setStop(by: StopActor, stop: Pick<StreamStop, "category" | "reason" | "untilMs"> | null): Promise<boolean> {
    if (!this.#access.setStop(by, stop)) return false;
    await this.#outbox.deliver(ROOM_SUBSCRIBER);
    return true;
  }

  /** Receives a domain event of the stream's room, at least once each. */
  receiveEvent(value: unknown): void {
    this.#access.applyRoomEvent(parseDomainEvent(value));
  }

  /** The stream's details, the versions of its images, the stop in force and the playback policy. */
  profile(): PublicProfile {
    return { profile: this.#profile.current, stop: this.#access.activeStop, playback: this.#access.policy.playback };
  }

  /** Replaces the stream's details. */
  setDetails(details: StreamDetails): StreamProfile {
    return this.#profile.setDetails(details);
  }

  /** Replaces the version of an image; null: there is none. */
  setImage(image: StreamImageName, version: string | null): ReturnType<ProfileStore["setImage"]> {
    return this.#profile.setImage(image, version);
  }

  // ── serving ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `GET /feed`: the feed of the latest broadcast, or a redirect to another node. 404 before the first broadcast. */
  override async fetch(request: Request): Promise<Response> {
    const query = parseFeedQuery(request);
    if (query === null) return new Response(null, { status: 404 });
    if (query.resumeFrom === null) await this.#publishing.current?.catchUp.wait();
    const fanout = this.#publishing.current?.fanout ?? null;
    const nowMs = this.platform.clock.monotonicMs();
    const response = openLiveFeed(query, fanout, this.#admission, this.#counters, nowMs);
    this.#counters.countRequest("hits", response.status);
    return response;
  }

  /** A part of the tail that the caller's replica lacks, or null. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Uint8Array | null {
    return this.#reads.part(id, track, msn, part);
  }

  /** A closed segment that is not in R2 yet, or null. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Uint8Array | null {
    return this.#reads.segment(id, track, msn);
  }

  /** An init section of any broadcast of this stream, or null. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Uint8Array | null {
    return this.#reads.init(id, track, version);
  }

  /** The current playlist of any broadcast of this stream, or null; a VOD playlist once all of the broadcast is stored. */
  pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    return this.#reads.playlist(id, track, file);
  }

  /** Fingerprints of the stream's broadcast ids: nodes below refuse requests for any other id. */
  pullBroadcasts(): Uint8Array {
    this.#counters.countRequest("hits", 200);
    return FingerprintSet.fromNames(this.#store.listBroadcastIds(), this.#fingerprintSalt).encode();
  }

  /** What exists of a broadcast of this stream, or null. */
  pullOutline(id: BroadcastId): BroadcastOutline | null {
    return this.#reads.outline(id);
  }

  /** The stream's state and summed counters, or null before its first broadcast. */
  status(stream: StreamName): StreamStatus | null {
    return describeStatus(stream, this.#publishing.current, this.#counters, this.#countingSinceMs, this.platform.clock);
  }

  /** The stream's broadcasts, newest first. */
  broadcasts(): BroadcastSummary[] {
    return this.#store.listBroadcasts(LIVE_LIMITS.listedBroadcasts);
  }

  /** Counts the publisher's silence, repeats deliveries of domain events, and deletes what is too old. */
  override async alarm(): Promise<void> {
    await this.#alarms.handleAlarm(this.platform.clock.nowMs(), async (purpose) => {
      // The alarm cannot ring again before it is handled: the watch must not wait for a room that does not answer.
      if (purpose === "outbox") this.ctx.waitUntil(this.#outbox.catchUp());
      else if (purpose === "revocations") await this.#access.dropExpired();
      else if (purpose === "history") await this.#health.history.prune();
      else if (purpose === "quality") this.#health.quality.store();
      else await this.#publishing.handleAlarm();
      if (purpose !== "publisher") return;
      this.#health.extendHistory();
      this.ctx.waitUntil(this.#directoryEntry.renew());
    });
  }

  /** Discards the object's memory at once, as a crash or a deploy does; the caller's request fails with it. */
  restart(): void {
    this.ctx.abort("restarted on request");
  }

  get #activeBroadcast(): ActiveBroadcast | null {
    const { current } = this.#publishing;
    return current === null || current.hasEnded ? null : current;
  }

  /** Takes up what was to be done when memory was lost. */
  async #resume(): Promise<void> {
    await this.#alarms.restore(this.platform.clock.nowMs());
    await this.#activeBroadcast?.publisherWatch.restoreAlarm();
    await this.#access.dropExpired();
    this.ctx.waitUntil(this.#outbox.catchUp());
  }

  #appendEvent(body: LiveEventBody, id?: string): void {
    if (id !== undefined && this.#outbox.has(id)) return;
    this.#outbox.append(body, latestProgramTimeMs(this.#publishing.current?.replica ?? null), id);
    this.#health.history.recordEvent(body);
    this.ctx.waitUntil(deliverUnawaited(this.#outbox, body));
  }
}
