/**
 * Playlists of ended broadcasts. Each is rendered once, in steps between which the object serves its live broadcast, and
 * stored with the segments: later requests are answered from R2.
 */
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import { TailBuffer } from "../../core/broadcast/tail-buffer.ts";
import { playlistObjectKey } from "../../core/delivery/r2-keys.ts";
import type { StoredPlaylist } from "../../core/delivery/upstream-node.ts";
import { type Clock, sleep, withTimeout } from "../../core/kit/clock.ts";
import type { StreamName, TrackName } from "../../core/kit/ids.ts";
import { renderIframePlaylist, renderMediaPlaylist } from "../../core/media/hls/media-playlist.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import { VodPlaylist } from "../../core/media/hls/vod-playlist.ts";
import type { BroadcastRow, BroadcastStore } from "./broadcast-store.ts";

/** Segments of a step: about 2 ms of CPU, less than one publish request takes. */
const STEP_SEGMENTS = 256;

/** A write without an answer for this long counts as refused: whoever asks for the playlist waits 3 s for it. */
const WRITE_TIMEOUT_MS = 2_000;

const RECORDING_FILES: readonly PlaylistFile[] = ["vod.m3u8", "vod-iframes.m3u8", "media.m3u8", "iframes.m3u8"];

/** Whether a playlist covers the whole broadcast. */
export const isVodPlaylist = (file: PlaylistFile): boolean => file === "vod.m3u8" || file === "vod-iframes.m3u8";

/** One stream's recordings. */
export class RecordingPlaylists {
  readonly #bucket: R2Bucket;
  readonly #store: BroadcastStore;
  readonly #clock: Clock;
  readonly #rendering = new Map<string, Promise<StoredPlaylist>>();

  constructor(bucket: R2Bucket, store: BroadcastStore, clock: Clock) {
    this.#bucket = bucket;
    this.#store = store;
    this.#clock = clock;
  }

  /** Renders and stores the playlists of an ended broadcast whose segments are all listed. One that fails is rendered on request. */
  async storeAll(stream: StreamName, row: BroadcastRow): Promise<void> {
    for (const { name } of row.config.tracks) {
      for (const file of RECORDING_FILES) {
        try {
          await this.render(stream, row, name, file);
        } catch (error) {
          console.error(`${file} of ${row.config.broadcast}/${name} was not rendered`, error);
        }
      }
    }
  }

  /** A playlist of such a broadcast; concurrent requests share one rendering. */
  render(stream: StreamName, row: BroadcastRow, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist> {
    const key = playlistObjectKey(stream, row.config.broadcast, track, file);
    const known = this.#rendering.get(key);
    if (known !== undefined) return known;
    const rendering = this.#renderAndStore(key, row, track, file).finally(() => this.#rendering.delete(key));
    this.#rendering.set(key, rendering);
    return rendering;
  }

  async #renderAndStore(key: string, row: BroadcastRow, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist> {
    const text = isVodPlaylist(file)
      ? await this.#renderVod(row.config, track, file)
      : this.#renderWindow(row, track, file);
    const changedMs = this.#store.readEndedMs(row.config.broadcast) ?? row.config.startedAtMs;
    const playlist: StoredPlaylist = { text, ended: true, changedMs };
    const options = { httpMetadata: { contentType: "application/json" } };
    try {
      const written = this.#bucket.put(key, JSON.stringify(playlist), options);
      await withTimeout(this.#clock, WRITE_TIMEOUT_MS, written, () => {
        throw new Error(`no answer within ${WRITE_TIMEOUT_MS} ms`);
      });
    } catch (error) {
      console.error(`R2 refused ${key}; it is rendered again on request`, error);
    }
    return playlist;
  }

  async #renderVod(config: BroadcastConfig, track: TrackName, file: PlaylistFile): Promise<string> {
    const playlist = new VodPlaylist(config, track, { iframes: file === "vod-iframes.m3u8" });
    for (let msn = 0; ; ) {
      const segments = this.#store.listSegments(config.broadcast, track, msn, STEP_SEGMENTS);
      for (const segment of segments) playlist.addSegment(segment);
      const last = segments.at(-1);
      if (last === undefined) return playlist.render();
      msn = last.msn + 1;
      await sleep(this.#clock, 0);
    }
  }

  #renderWindow(row: BroadcastRow, track: TrackName, file: PlaylistFile): string {
    return renderWindowPlaylist(this.#store.restoreReplica(row, "", new TailBuffer(0)), track, file);
  }
}

/** The current playlist of a replica's window. */
export function renderWindowPlaylist({ state }: Pick<Replica, "state">, track: TrackName, file: PlaylistFile): string {
  return file === "iframes.m3u8"
    ? renderIframePlaylist(state, track)
    : renderMediaPlaylist(state, track, { skip: "none" });
}
