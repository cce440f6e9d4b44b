/** A sender's frames as one fragmented MP4 for a decoder: one fragment a picture, with the sound that came before it. */
import { type FragmentSample, type TrackRun, writeFragment } from "../../media/cmaf/fragment.ts";
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

/** Sound that waits for a picture, in frames: 0.2 s of AAC. Without pictures it is written by itself. */
const MAX_WAITING_SOUND = 8;

/** A frame that waits, with its decode time. */
interface WaitingSample {
  readonly decodeTicks: number;
  readonly sample: FragmentSample;
}

/**
 * See the file's first line. Video comes before audio. FFmpeg keeps an index of fragments for as long as it runs, so sound
 * has none of its own.
 */
export class FeedWriter {
  /** The init section of both tracks. */
  readonly header: Uint8Array;
  readonly #tracks: FeedTracks;
  #sound: WaitingSample[] = [];
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

  /** The fragment that a frame completes, if any. A frame of another track, or of a time too far below zero, is dropped. */
  write(frame: IngestFrame): Uint8Array | null {
    const track = this.#tracks[frame.media];
    if (track === null || track.index !== frame.track) return null;
    // Decoders order by decode time only; a negative offset would make FFmpeg shift the whole track.
    const early = Math.min(0, frame.ctsOffset);
    const decodeTicks = frame.dts + early + FEED_OFFSET_S * track.timescale;
    if (decodeTicks < 0) return null;
    const { data, sync } = frame;
    const sample: FragmentSample = { durationTicks: 1, ctsOffset: frame.ctsOffset - early, sync, data };
    if (frame.media === "video") return this.#writeRuns([{ trackId: 1, decodeTicks, samples: [sample] }]);
    const last = this.#sound.at(-1);
    const hasJumped = last !== undefined && decodeTicks <= last.decodeTicks;
    const complete = hasJumped ? this.flush() : null;
    this.#sound.push({ decodeTicks, sample });
    return complete ?? (this.#sound.length >= MAX_WAITING_SOUND ? this.flush() : null);
  }

  /** The fragment of the sound that waits; null if none does. */
  flush(): Uint8Array | null {
    return this.#sound.length === 0 ? null : this.#writeRuns([]);
  }

  #writeRuns(pictures: readonly TrackRun[]): Uint8Array {
    const sound = this.#sound.splice(0);
    for (const [i, { sample, decodeTicks }] of sound.entries())
      sample.durationTicks = (sound[i + 1]?.decodeTicks ?? decodeTicks + 1) - decodeTicks;
    const [first] = sound;
    const samples = sound.map(({ sample }) => sample);
    const trackId = this.#tracks.video === null ? 1 : 2;
    this.#sequence += 1;
    const audio = first === undefined ? [] : [{ trackId, decodeTicks: first.decodeTicks, samples }];
    return writeFragment(this.#sequence, [...pictures, ...audio]).bytes;
  }
}
