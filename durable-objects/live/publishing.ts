/** The publish side of a Live object: who may publish, and what is appended to a broadcast's log. */
import type { PlaybackPolicy } from "../../core/access/access-policy.ts";
import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import type { BroadcastConfig, PartMeta, TrackState } from "../../core/broadcast/broadcast-log.ts";
import { BroadcastLogError } from "../../core/broadcast/segment-window.ts";
import { comparePartPositions, nextPartOf } from "../../core/broadcast/track-position.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import type { EndReason } from "../../core/events/domain-events.ts";
import { type ChunkedPartForm, type ChunkedPartTarget, parseChunkBundle } from "../../core/ingest/chunk-bundle.ts";
import { type PublishRefusal, type PublishResult, refusePublish } from "../../core/ingest/publish-result.ts";
import type { PublisherIdentity, PublisherStatus } from "../../core/ingest/publisher-identity.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import { type ActiveBroadcast, NO_PUBLISHER, type PublisherSeat } from "./active-broadcast.ts";
import type { BroadcastLifecycle } from "./broadcast-lifecycle.ts";
import type { BroadcastRow, BroadcastStore } from "./broadcast-store.ts";
import type { KnownCredential, PublisherCredentials } from "./publisher-credentials.ts";
import type { RecordingPlaylists } from "./recording-playlists.ts";
import { ReplacedPublishers } from "./replaced-publishers.ts";
import type { ArchiveJob, SegmentArchive } from "./segment-archive.ts";
import type { StreamAccess } from "./stream-access.ts";

/** What publishing runs on. */
export interface PublishingOptions {
  readonly stream: StreamName;
  readonly storage: LazyStorage;
  readonly store: BroadcastStore;
  readonly recordings: RecordingPlaylists;
  readonly access: StreamAccess;
  readonly credentials: PublisherCredentials;
  readonly lifecycle: BroadcastLifecycle;
  readonly clock: Clock;
  /** Registers `onStored`, called with each group of segments that is in R2. */
  createArchive(onStored: (jobs: readonly ArchiveJob[]) => void): SegmentArchive;
  /** A broadcast with its stored state; `isNew`: this object has lost nothing of it. */
  restoreBroadcast(row: BroadcastRow, isNew: boolean): ActiveBroadcast;
}

/** The broadcasts of one stream, of which the latest is active. */
export class Publishing {
  readonly archive: SegmentArchive;
  readonly #options: PublishingOptions;
  readonly #replaced: ReplacedPublishers;
  #current: ActiveBroadcast | null = null;

  constructor(options: PublishingOptions) {
    this.#options = options;
    this.#replaced = new ReplacedPublishers(options.storage);
    this.archive = options.createArchive((jobs) => this.#indexSegments(jobs));
    const latest = options.store.readLatestBroadcast();
    if (latest !== null) this.#activate(latest, false);
  }

  /** The latest broadcast, or null before the first. */
  get current(): ActiveBroadcast | null {
    return this.#current;
  }

  /**
   * Removes the publisher of the active broadcast, if it has this credential (null: any), since that is revoked. Another
   * publisher may join at once.
   */
  removePublisher(credential: string | null): void {
    const current = this.#current;
    if (current === null || current.hasEnded) return;
    if (credential === null || current.seat.credential === credential) {
      this.#setSeat(current, { publisher: NO_PUBLISHER, credential: "" });
    }
  }

  /** What a publisher's credential permits now. Nothing is counted or stored. */
  status(by: PublisherIdentity): PublisherStatus | PublishRefusal {
    const credential = this.#authenticate(by);
    if ("ok" in credential) return credential;
    const active = this.#current?.hasEnded === false ? this.#current : null;
    const isOwn = active !== null && active.publisher === by.id && active.seat.credential === credential.id;
    const session = { credential: credential.id, broadcast: active?.id ?? "", publisher: by.id };
    const refused = isOwn ? null : this.#options.credentials.refuseSession(credential, session, active?.seat ?? null);
    if (refused !== null) return refused;
    const { role, label, expiresMs, usesLeft } = credential;
    const isLive = isOwn || active?.isLeaseHeld(this.#nowMs()) === true;
    const live = active === null || !isLive ? null : { broadcast: active.id, isOwn };
    return { role, label, expiresMs, usesLeft, live };
  }

  /** Opens a broadcast, or confirms that it is open. A new one sets the playback policy, unless that is null. */
  async open(by: PublisherIdentity, config: BroadcastConfig, playback: PlaybackPolicy | null): Promise<PublishResult> {
    const { store, access } = this.#options;
    const credential = this.#authenticate(by);
    if ("ok" in credential) return credential;
    const known = store.readBroadcast(config.broadcast);
    if (known?.ended === true) return refusePublish("ended", "Open a broadcast with a new id.");
    const current = this.#current;
    if (known !== null && current?.id !== config.broadcast) {
      return refusePublish("ended", "Another broadcast replaced it; open one with a new id.");
    }
    const refused =
      this.#refuseReplaced(by) ?? this.#refuseEntry(by, credential, config.broadcast) ?? this.#refuseByLease(by);
    if (refused !== null) return refused;
    if (known === null) {
      if (current !== null && !current.hasEnded) this.#endBroadcast(current, "replaced");
      if (playback !== null) access.setPlaybackPolicy(playback);
      this.#addBroadcast(by, credential, config);
    } else if (current !== null) {
      current.recordActivity(this.#nowMs());
      this.#enter(current, by, credential);
    }
    await this.#current?.publisherWatch.scheduleAlarm();
    return this.#acceptPublish();
  }

  /**
   * Makes `by` the publisher of a broadcast whose publisher may be live: with a credential of the role `backup`, or with any
   * if it is forced. The former publisher is refused from then on.
   */
  async handover(by: PublisherIdentity, id: BroadcastId, isForced: boolean): Promise<PublishResult> {
    const credential = this.#authenticate(by);
    if ("ok" in credential) return credential;
    const current = this.#findActive(id);
    if ("ok" in current) return current;
    const refused = this.#refuseEntry(by, credential, id);
    if (refused !== null) return refused;
    if (credential.role !== "backup" && !isForced && this.#refuseByLease(by) !== null) {
      return refusePublish("alreadyLive", "Only a key of the role `backup` takes over without `?handover`.");
    }
    current.recordActivity(this.#nowMs());
    if (current.publisher !== by.id) this.#options.lifecycle.recordHandover(id);
    this.#enter(current, by, credential, current.publisher);
    await current.publisherWatch.scheduleAlarm();
    return this.#acceptPublish();
  }

  /** Stores an init section. */
  init(by: PublisherIdentity, id: BroadcastId, track: TrackName, version: number, bytes: Uint8Array): PublishResult {
    const current = this.#findPublished(by, id);
    if ("ok" in current) return current;
    const { replica } = current;
    if (replica.track(track) === undefined) return refusePublish("malformed", `This broadcast has no track ${track}.`);
    if (replica.initSection(track, version) !== null) return this.#acceptPublish();
    const { initsPerTrack } = BROADCAST_LIMITS;
    if (replica.initVersions(track).length >= initsPerTrack) {
      return refusePublish("tooLarge", `A track has at most ${initsPerTrack} init sections; open a new broadcast.`);
    }
    this.#options.store.addInit(id, track, version, bytes);
    current.appendEntry({ kind: "init", track, version, byteLength: bytes.byteLength }, bytes);
    return this.#acceptPublish();
  }

  /**
   * Passes chunks on to the viewers that take them; with `part`, appends that part, of which `bytes` are the frames that follow
   * its chunks: an object of a version without chunks lacks the method, and cannot take them for all of it.
   */
  chunks(by: PublisherIdentity, id: BroadcastId, bytes: Uint8Array, part: ChunkedPartTarget | null): PublishResult {
    if (part !== null) return this.part(by, id, part.track, part.meta, bytes, part.form);
    const current = this.#findPublished(by, id);
    if ("ok" in current) return current;
    const chunks = parseChunkBundle(bytes);
    if (typeof chunks === "string") return refusePublish("malformed", chunks);
    return current.chunks.receive(chunks) ? this.#acceptPublish() : refusePublish("chunksMissing");
  }

  /** Appends a part; a repeated one is confirmed again. `form`: `bytes` are the frames that follow its chunks. */
  part(
    by: PublisherIdentity,
    id: BroadcastId,
    track: TrackName,
    meta: PartMeta,
    bytes: Uint8Array,
    form: ChunkedPartForm | null = null,
  ): PublishResult {
    const current = this.#findPublished(by, id);
    if ("ok" in current) return current;
    const state = current.replica.track(track);
    if (state === undefined) return refusePublish("malformed", `This broadcast has no track ${track}.`);
    const result = this.#addPart(current, state, meta, bytes, form);
    current.catchUp.recordSent(track, meta, nextPartOf(current.replica.track(track) ?? state));
    return result;
  }

  #addPart(
    current: ActiveBroadcast,
    state: TrackState,
    meta: PartMeta,
    bytes: Uint8Array,
    form: ChunkedPartForm | null,
  ): PublishResult {
    const { name: track } = state.track;
    const order = comparePartPositions(meta, nextPartOf(state));
    if (order < 0) return this.#acceptPublish();
    if (order > 0) {
      const reply = refusePublish("outOfOrder", `Resend ${track} from the part named in \`tracks\`.`);
      return { ...reply, answer: current.describeProgress() };
    }
    if (meta.start !== undefined && current.replica.initSection(track, meta.start.initVersion) === null) {
      return refusePublish("initMissing", `Send init-${meta.start.initVersion}.mp4 of ${track} first.`);
    }
    if (this.archive.pendingBytes > LIVE_LIMITS.pendingArchiveBytes) {
      return refusePublish("unavailable", "Storage lags behind; keep this part and send it again.");
    }
    const whole = form === null ? bytes : current.chunks.assemble(track, meta, form, bytes);
    if (whole === null) return refusePublish("chunksMissing", "Send the part whole.");
    const isChunked = form !== null && current.chunks.completeChunks(track, meta, whole);
    try {
      const held = whole.byteLength === 0 ? null : whole;
      current.appendEntry({ kind: "part", track, meta, byteLength: whole.byteLength }, held, isChunked);
    } catch (error) {
      if (error instanceof BroadcastLogError) return refusePublish("malformed", error.message);
      throw error;
    }
    if (meta.close !== undefined) this.#archiveSegment(current, track, meta.msn);
    this.#options.lifecycle.update(current);
    return this.#acceptPublish();
  }

  /** Ends a broadcast once all of it is stored. */
  async end(by: PublisherIdentity, id: BroadcastId): Promise<PublishResult> {
    // Only a publisher with a key learns whether a broadcast has ended.
    const credential = this.#authenticate(by);
    if ("ok" in credential) return credential;
    const current = this.#findPublished(by, id);
    if ("ok" in current) return this.#options.store.readBroadcast(id)?.ended === true ? this.#acceptPublish() : current;
    await this.archive.whenDrained();
    if (!current.hasEnded) this.#endBroadcast(current, "publisher");
    // Segments that were open are stored with the end.
    await this.archive.whenDrained();
    return this.#acceptPublish();
  }

  /** Announces a publisher that has gone silent, or is back. */
  updateLifecycle(): void {
    if (this.#current !== null) this.#options.lifecycle.update(this.#current);
  }

  /** The alarm of the publisher watch: a broadcast without a publisher ends, else the next alarm is scheduled. */
  async handleAlarm(): Promise<void> {
    const current = this.#current;
    if (current === null || current.hasEnded) return;
    const hasLeft = await current.publisherWatch.handleAlarm();
    if (hasLeft) {
      console.warn(`broadcast ${current.id} was abandoned by its publisher and ends`);
      this.#endBroadcast(current, "abandoned");
    } else this.#options.lifecycle.update(current);
  }

  #activate(row: BroadcastRow, isNew: boolean): void {
    this.#current?.fanout.closeAll();
    this.#current = this.#options.restoreBroadcast(row, isNew);
  }

  /** The publisher's credential, or why it publishes nothing. Only a publisher with a valid one learns of a stop. */
  #authenticate(by: PublisherIdentity): KnownCredential | PublishRefusal {
    const { credentials, access } = this.#options;
    const credential = credentials.identify(by.credential);
    if ("ok" in credential) return credential;
    const stop = access.activeStop;
    return stop === null ? credential : refusePublish("stopped", stop.reason);
  }

  /** The broadcast that `by` may publish to, or the refusal. */
  #findPublished(by: PublisherIdentity, id: BroadcastId): ActiveBroadcast | PublishRefusal {
    const credential = this.#authenticate(by);
    if ("ok" in credential) return credential;
    const current = this.#findActive(id);
    if ("ok" in current) return current;
    const refused = this.#refuseReplaced(by) ?? this.#refuseEntry(by, credential, id);
    if (refused !== null) return refused;
    if (current.publisher !== by.id) return refusePublish("alreadyLive", "Another process publishes this broadcast.");
    current.recordActivity(this.#nowMs());
    this.#enter(current, by, credential);
    return current;
  }

  /** The active broadcast, if it has this id. */
  #findActive(id: BroadcastId): ActiveBroadcast | PublishRefusal {
    const current = this.#current;
    if (current === null || current.id !== id) {
      return this.#options.store.readBroadcast(id) === null
        ? refusePublish("notOpen", "Open the broadcast first.")
        : refusePublish("ended", "Another broadcast replaced it.");
    }
    return current.hasEnded ? refusePublish("ended", "Open a broadcast with a new id.") : current;
  }

  /** Why the credential does not let `by` into this broadcast, or null; its running session goes on. */
  #refuseEntry(by: PublisherIdentity, credential: KnownCredential, broadcast: BroadcastId): PublishRefusal | null {
    const current = this.#current;
    if (current?.id === broadcast && isSeated(current, by, credential)) return null;
    const session = { credential: credential.id, broadcast, publisher: by.id };
    return this.#options.credentials.refuseSession(credential, session, current?.seat ?? null);
  }

  /** The refusal of a publisher while another one holds the lease, or null. */
  #refuseByLease(by: PublisherIdentity): PublishRefusal | null {
    if (!this.#isLeaseOfOther(by)) return null;
    return refusePublish("alreadyLive", "Stop the other publisher, or wait until it has been silent for 10 s.");
  }

  /** The refusal of a publisher that a live one has replaced in the active broadcast, or null. */
  #refuseReplaced(by: PublisherIdentity): PublishRefusal | null {
    const current = this.#current;
    const isReplaced = current !== null && this.#isLeaseOfOther(by) && this.#replaced.has(current.id, by.id);
    return isReplaced ? refusePublish("replaced") : null;
  }

  #isLeaseOfOther(by: PublisherIdentity): boolean {
    const current = this.#current;
    return current !== null && !current.hasEnded && current.publisher !== by.id && current.isLeaseHeld(this.#nowMs());
  }

  /**
   * Makes `by` the publisher of the broadcast; a use is counted unless its session is a known one. `replaced`: the publisher
   * that it takes over from.
   */
  #enter(
    current: ActiveBroadcast,
    by: PublisherIdentity,
    credential: KnownCredential,
    replaced: string = NO_PUBLISHER,
  ): void {
    const { storage, credentials } = this.#options;
    if (isSeated(current, by, credential)) {
      credentials.recordActivity(credential);
      return;
    }
    const session = { credential: credential.id, broadcast: current.id, publisher: by.id };
    storage.transaction(() => {
      credentials.beginSession(credential, session);
      this.#replaced.record(current.id, replaced, by.id);
      this.#setSeat(current, { publisher: by.id, credential: credential.id });
    });
  }

  #addBroadcast(by: PublisherIdentity, credential: KnownCredential, config: BroadcastConfig): void {
    const { storage, store, credentials } = this.#options;
    const seat = { publisher: by.id, credential: credential.id };
    storage.transaction(() => {
      credentials.beginSession(credential, { ...seat, broadcast: config.broadcast });
      store.addBroadcast(config, seat, this.#nowMs());
    });
    this.#activate({ config, ...seat, ended: false }, true);
  }

  #setSeat(current: ActiveBroadcast, seat: PublisherSeat): void {
    this.#options.store.setPublisher(current.id, seat);
    current.seat = seat;
    current.chunks.forgetEarly();
  }

  #archiveSegment(current: ActiveBroadcast, track: TrackName, msn: number): void {
    const segment = current.replica.track(track)?.segments.find((candidate) => candidate.msn === msn);
    if (segment === undefined) return;
    const bytes = segment.byteLength === 0 ? null : current.replica.tail.assembleSegment(track, segment);
    this.archive.enqueue({ stream: this.#options.stream, broadcast: current.id, track, segment, bytes });
  }

  #indexSegments(jobs: readonly ArchiveJob[]): void {
    const { storage, store } = this.#options;
    storage.transaction(() => {
      for (const { broadcast, track, segment } of jobs) store.addSegment(broadcast, track, segment);
    });
    // Segments that were open at a broadcast's end are stored after it.
    const current = this.#current;
    for (const { broadcast, track, segment } of jobs) {
      if (current?.id === broadcast) current.recordDurable(track, segment.msn);
    }
  }

  #endBroadcast(current: ActiveBroadcast, reason: EndReason): void {
    const { stream, store, recordings, lifecycle } = this.#options;
    const { config, id, seat } = current;
    const open = current.openSegments();
    store.endBroadcast(id, this.#nowMs());
    current.appendEntry({ kind: "end" }, null);
    lifecycle.update(current, reason);
    for (const { track, msn } of open) this.#archiveSegment(current, track, msn);
    const row: BroadcastRow = { config, ...seat, ended: true };
    void this.archive.whenDrained().then(() => recordings.storeAll(stream, row));
  }

  #acceptPublish(): PublishResult {
    const current = this.#current;
    if (current === null) return refusePublish("notOpen", "Open the broadcast first.");
    return { ok: true, answer: current.describeProgress() };
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}

/** Whether `by` is the publisher of the broadcast, with this credential. */
function isSeated({ seat }: ActiveBroadcast, by: PublisherIdentity, credential: KnownCredential): boolean {
  return seat.publisher === by.id && seat.credential === credential.id;
}
