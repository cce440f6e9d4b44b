/** What AAC beside a sender's Opus is: its rendition, its announcement and its init section. Pure. */
import type { Track } from "../../../core/broadcast/broadcast-log.ts";
import { describeTrack } from "../../../core/ingest/codecs/describe-track.ts";
import { type WrittenInit, writeInitSection } from "../../../core/ingest/codecs/init-section.ts";
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import { parseTrackName } from "../../../core/kit/ids.ts";
import { type AudioRendition, bandwidthOf } from "../../packager/ladder.ts";

/** Hertz, as Opus is decoded. */
const SAMPLE_RATE = 48_000;
/** Bits per second of one and of two channels. */
const BITS = [96_000, 128_000] as const;
/** AudioSpecificConfig of AAC-LC, 48 kHz (ISO/IEC 14496-3 §1.6.2.1): type 2, rate 3, then the channels. */
const CONFIG = 0x1180;

/** The AAC beside `tracks`; null if their sound is not Opus. */
export function planAac(tracks: readonly PassthroughTrack[]): AudioRendition | null {
  const sound = tracks.find(({ kind }) => kind === "audio");
  const name = parseTrackName(`${sound?.name}-aac`);
  if (sound?.description.media !== "audio" || sound.description.codec !== "opus" || name === null) return null;
  const channels = Math.min(2, sound.description.channels);
  const bitsPerSecond = BITS[channels - 1] ?? BITS[1];
  return { kind: "audio", name, bitsPerSecond, sampleRate: SAMPLE_RATE, channels, timescale: SAMPLE_RATE };
}

/** Its init section, which does not depend on the encoder. */
export function aacInit({ channels, timescale }: AudioRendition): WrittenInit {
  const config = CONFIG | (channels << 3);
  const description = describeTrack({ codec: "aac", record: Uint8Array.of(config >> 8, config & 255) });
  return writeInitSection(description, timescale);
}

/** What is announced of it; durations in milliseconds. */
export function describeAac(rendition: AudioRendition, partTargetMs: number, segmentMs: number): Track {
  const { name, timescale, channels, sampleRate } = rendition;
  return {
    ...{ name, kind: "audio", timescale, partTargetMs, codecs: aacInit(rendition).info.codecs, channels, sampleRate },
    ...bandwidthOf(rendition, partTargetMs, segmentMs),
  };
}
