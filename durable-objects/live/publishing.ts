/** The publish side of a Live object: who may publish, and what is appended to a broadcast's log. */
import type { PlaybackPolicy } from "../../core/access/access-policy.ts";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import type { BroadcastConfig, PartMeta } from "../../core/broadcast/broadcast-log.ts";
import { BroadcastLogError } from "../../core/broadcast/segment-window.ts";
import { comparePartPositions, nextPartOf } from "../../core/broadcast/track-position.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import type { EndReason } from "../../core/events/domain-events.ts";
import { type PublishResult, publishProblems } from "../../core/ingest/publish-result.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import { type ActiveBroadcast, NO_PUBLISHER } from "./active-broadcast.ts";
import type { BroadcastLifecycle } from "./broadcast-lifecycle.ts";
import type { BroadcastRow, BroadcastStore } from "./broadcast-store.ts";
import type { RecordingPlaylists } from "./recording-playlists.ts";
import type { ArchiveJob, SegmentArchive } from "./segment-archive.ts";
import type { StreamAccess } from "./stream-access.ts";

/** A publisher: the stream, the hash of the key it sent, and the publishing process's random id. */
export interface PublisherIdentity {
  readonly stream: StreamName;
  readonly keyHash: string;
  readonly id: string;
}

/** What publishing runs on. */
export interface PublishingOptions {
  readonly stream: StreamName;
  readonly storage: LazyStorage;
  readonly store: BroadcastStore;
  readonly recordings: RecordingPlaylists;
  readonly access: StreamAccess;
  readonly lifecycle: BroadcastLifecycle;
  readonly clock: Clock;
  /** Registers `onStored`, called with each group of segments that is in R2. */
  createArchive(onStored: (jobs: readonly ArchiveJob[]) => void): SegmentArchive;
  /** A broadcast with its stored state. */
  restoreBroadcast(row: BroadcastRow): ActiveBroadcast;
}

type PublishRefusal = PublishResult & { ok: false };

/** The broadcasts of one stream, of which the latest is active. */
export class Publishing {
  readonly archive: SegmentArchive;
  readonly #options: PublishingOptions;
  #current: ActiveBroadcast | null = null;

  constructor(options: PublishingOptions) {
    this.#options = options;
    this.archive = options.createArchive((jobs) => this.#indexSegments(jobs));
    const latest = options.store.readLatestBroadcast();
    if (latest !== null) this.#activate(latest);
  }

  /** The latest broadcast, or null before the first. */
  get current(): ActiveBroadcast | null {
    return this.#current;
  }

  /** Stores a stream key's hash. */
  addKey(hash: string): void {
    this.#options.store.addKey(hash, this.#nowMs());
  }

  /** Hashes of the stream's keys. */
  keyHashes(): string[] {
    return this.#options.store.listKeyHashes(REGISTRY_LIMITS.keysPerStream);
  }

  /** Revokes every key of the stream. A publisher that used one of them may be replaced at once. */
  removeKeys(): void {
    const { store } = this.#options;
    store.removeKeys();
    const current = this.#current;
    if (current === null || current.hasEnded) return;
    store.setPublisher(current.id, NO_PUBLISHER);
    current.publisher = NO_PUBLISHER;
  }

  /** Opens a broadcast, or confirms that it is open. A new one sets the playback policy, unless that is null. */
  async open(by: PublisherIdentity, config: BroadcastConfig, playback: PlaybackPolicy | null): Promise<PublishResult> {
    const { store, access } = this.#options;
    const refused = this.#refusePublisher(by);
    if (refused !== null) return refused;
    const known = store.readBroadcast(config.broadcast);
    if (known?.ended === true) return refusePublish("ended", "Open a broadcast with a new id.");
    const current = this.#current;
    if (known !== null && current?.id !== config.broadcast) {
      return refusePublish("ended", "Another broadcast replaced it; open one with a new id.");
    }
    const nowMs = this.#nowMs();
    if (current !== null && !current.hasEnded && current.publisher !== by.id && current.isLeaseHeld(nowMs)) {
      return refusePublish("alreadyLive", "Stop the other publisher, or wait until it has been silent for 10 s.");
    }
    if (known === null) {
      if (current !== null && !current.hasEnded) this.#endBroadcast(current, "replaced");
      if (playback !== null) access.setPlaybackPolicy(playback);
      store.addBroadcast(config, by.id, nowMs);
      this.#activate({ config, publisher: by.id, ended: false });
    } else if (current !== null) {
      current.recordActivity(this.#nowMs());
      if (current.publisher !== by.id) store.setPublisher(config.broadcast, by.id);
      current.publisher = by.id;
    }
    await this.#current?.publisherWatch.scheduleAlarm();
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

  /** Appends a part; a repeated one is confirmed again. */
  part(by: PublisherIdentity, id: BroadcastId, track: TrackName, meta: PartMeta, bytes: Uint8Array): PublishResult {
    const current = this.#findPublished(by, id);
    if ("ok" in current) return current;
    const state = current.replica.track(track);
    if (state === undefined) return refusePublish("malformed", `This broadcast has no track ${track}.`);
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
    try {
      const held = bytes.byteLength === 0 ? null : bytes;
      current.appendEntry({ kind: "part", track, meta, byteLength: bytes.byteLength }, held);
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
    const refused = this.#refusePublisher(by);
    if (refused !== null) return refused;
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

  #activate(row: BroadcastRow): void {
    this.#current?.fanout.closeAll();
    this.#current = this.#options.restoreBroadcast(row);
  }

  /** The reason why no publisher with this key may publish, or null. Only a publisher with a key learns of a stop. */
  #refusePublisher(by: PublisherIdentity): PublishRefusal | null {
    const { store, access } = this.#options;
    if (!store.hasKey(by.keyHash)) return refusePublish("keyWrong", "Use the key that was issued for this stream.");
    const stop = access.activeStop;
    return stop === null ? null : refusePublish("stopped", stop.reason);
  }

  /** The broadcast that `by` may publish to, or the refusal. */
  #findPublished(by: PublisherIdentity, id: BroadcastId): ActiveBroadcast | PublishRefusal {
    const refused = this.#refusePublisher(by);
    if (refused !== null) return refused;
    const current = this.#current;
    if (current === null || current.id !== id) {
      return this.#options.store.readBroadcast(id) === null
        ? refusePublish("notOpen", "Open the broadcast first.")
        : refusePublish("ended", "Another broadcast replaced it.");
    }
    if (current.hasEnded) return refusePublish("ended", "Open a broadcast with a new id.");
    if (current.publisher !== by.id) return refusePublish("alreadyLive", "Another process publishes this broadcast.");
    current.recordActivity(this.#nowMs());
    return current;
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
    const current = this.#current;
    if (current === null || current.hasEnded) return;
    for (const { broadcast, track, segment } of jobs) {
      if (current.id === broadcast) current.recordDurable(track, segment.msn);
    }
  }

  #endBroadcast(current: ActiveBroadcast, reason: EndReason): void {
    const { stream, store, recordings, lifecycle } = this.#options;
    const { config, id, publisher } = current;
    const open = current.openSegments();
    store.endBroadcast(id, this.#nowMs());
    current.appendEntry({ kind: "end" }, null);
    lifecycle.update(current, reason);
    for (const { track, msn } of open) this.#archiveSegment(current, track, msn);
    const row: BroadcastRow = { config, publisher, ended: true };
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

function refusePublish(why: keyof typeof publishProblems, detail: string): PublishRefusal {
  return { ok: false, problem: publishProblems[why](detail) };
}
