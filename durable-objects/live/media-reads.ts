/** Reads of nodes below from a Live object: media that is not in R2 yet, playlists, and outlines of broadcasts. */
import type { Replica } from "../../core/broadcast/replica.ts";
import type { NodeCounters } from "../../core/delivery/node-counters.ts";
import type { BroadcastOutline, StoredPlaylist } from "../../core/delivery/upstream-node.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { BroadcastId, StreamName, TrackName } from "../../core/kit/ids.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import type { BroadcastStore } from "./broadcast-store.ts";
import type { Publishing } from "./publishing.ts";
import { isVodPlaylist, type RecordingPlaylists, renderWindowPlaylist } from "./recording-playlists.ts";

/** What the reads run on. */
export interface MediaReadsOptions {
  readonly stream: StreamName;
  readonly store: BroadcastStore;
  readonly recordings: RecordingPlaylists;
  readonly publishing: Publishing;
  readonly counters: NodeCounters;
  readonly clock: Clock;
}

/** Counted reads of one stream's broadcasts. */
export class MediaReads {
  readonly #options: MediaReadsOptions;

  constructor(options: MediaReadsOptions) {
    this.#options = options;
  }

  /** A part of the tail, or null. */
  part(id: BroadcastId, track: TrackName, msn: number, part: number): Uint8Array | null {
    return this.#count(this.#findReplica(id)?.tail.partBytes(track, msn, part) ?? null);
  }

  /** A closed segment that is not in R2 yet, or null. */
  segment(id: BroadcastId, track: TrackName, msn: number): Uint8Array | null {
    const replica = this.#findReplica(id);
    const segment = replica?.track(track)?.segments.find((candidate) => candidate.msn === msn);
    return this.#count(segment === undefined ? null : (replica?.tail.assembleSegment(track, segment) ?? null));
  }

  /** An init section of any broadcast of the stream, or null. */
  init(id: BroadcastId, track: TrackName, version: number): Uint8Array | null {
    const held = this.#findReplica(id)?.initSection(track, version);
    return this.#count(held ?? this.#options.store.readInit(id, track, version));
  }

  /** The current playlist of any broadcast of the stream, or null; a VOD playlist once all of the broadcast is stored. */
  async playlist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    return this.#count(await this.#loadPlaylist(id, track, file));
  }

  /** What exists of a broadcast of the stream, or null. */
  outline(id: BroadcastId): BroadcastOutline | null {
    const { store, publishing } = this.#options;
    const row = this.#count(store.readBroadcast(id));
    if (row === null) return null;
    const tracks = row.config.tracks.map(({ name }) => ({
      name,
      inits: store.listInitVersions(id, name),
      lastMsn: store.findLastSegment(id, name),
    }));
    const whole = row.ended && !publishing.archive.isStoring(id);
    return { config: row.config, endedMs: store.readEndedMs(id), tracks, whole };
  }

  async #loadPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null> {
    const { stream, store, recordings, publishing, clock } = this.#options;
    const replica = this.#findReplica(id);
    const ended = replica?.state.ended ?? true;
    if (ended && !publishing.archive.isStoring(id)) {
      const row = store.readBroadcast(id);
      const known = row?.config.tracks.some(({ name }) => name === track) ?? false;
      // A broadcast that is not the latest has ended, whatever its row says.
      return row !== null && known ? recordings.render(stream, { ...row, ended: true }, track, file) : null;
    }
    if (isVodPlaylist(file) || replica?.track(track) === undefined) return null;
    const text = renderWindowPlaylist(replica, track, file);
    return { text, ended, changedMs: store.readEndedMs(id) ?? clock.nowMs() };
  }

  /** The replica of the latest broadcast, where it has this id. */
  #findReplica(id: BroadcastId): Replica | null {
    const { current } = this.#options.publishing;
    return current?.id === id ? current.replica : null;
  }

  #count<T>(found: T | null): T | null {
    this.#options.counters.countRequest("hits", found === null ? 404 : 200);
    return found;
  }
}
