/** A sender's frames as one fragmented MP4 for a decoder: one fragment a frame, so that none waits for another. */
import { type FragmentSample, writeFragment } from "../../media/cmaf/fragment.ts";
import { muxInitSections } from "../../media/cmaf/mux-init.ts";
import { writeInitSection } from "../codecs/init-section.ts";
import type { IngestFrame } from "../media-event.ts";
import type { SenderTrack } from "./sender-track.ts";

/** Seconds added to every timestamp: `tfdt` is unsigned, and a sender's times may begin below zero. */
export const FEED_OFFSET_S = 10;

/** Tracks of a feed; at least one is not null. */
export interface FeedTracks {
  readonly video: SenderTrack | null;
  readonly audio: SenderTrack | null;
}

/** See the file's first line. Video comes before audio. */
export class FeedWriter {
  /** The init section of both tracks. */
  readonly header: Uint8Array;
  readonly #tracks: FeedTracks;
  #sequence = 0;

  constructor(tracks: FeedTracks) {
    this.#tracks = tracks;
    const inits = [tracks.video, tracks.audio].flatMap((each) =>
      each === null ? [] : [writeInitSection(each.description, each.timescale).bytes],
    );
    const [first, second] = inits;
    if (first === undefined) throw new RangeError("a feed needs a track");
    this.header = second === undefined ? first : muxInitSections(first, second);
  }

  /** The fragment of a frame; null if its track is not part of the feed, or its time is too far below zero. */
  write(frame: IngestFrame): Uint8Array | null {
    const track = this.#tracks[frame.media];
    if (track === null || track.index !== frame.track) return null;
    // Decoders order by decode time only; a negative offset would make FFmpeg shift the whole track.
    const early = Math.min(0, frame.ctsOffset);
    const decodeTicks = frame.dts + early + FEED_OFFSET_S * track.timescale;
    if (decodeTicks < 0) return null;
    const { data, sync } = frame;
    const sample: FragmentSample = { durationTicks: 1, ctsOffset: frame.ctsOffset - early, sync, data };
    const trackId = frame.media === "audio" && this.#tracks.video !== null ? 2 : 1;
    this.#sequence += 1;
    return writeFragment(this.#sequence, [{ trackId, decodeTicks, samples: [sample] }]).bytes;
  }
}
