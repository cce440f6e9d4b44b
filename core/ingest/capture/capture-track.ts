/** The tracks of a broadcast that a browser encodes. */
import { parseTrackName, type TrackName } from "../../kit/ids.ts";
import { timescaleFor } from "../../media/cmaf/video-timescale.ts";
import { describeTrack } from "../codecs/describe-track.ts";
import { writeInitSection } from "../codecs/init-section.ts";
import { opusPacketSamples } from "../codecs/opus-config.ts";
import type { IngestAudioCodec } from "../media-event.ts";
import type { PassthroughTrack } from "../passthrough/timeline-plan.ts";
import type { CaptureRendition } from "./capture-ladder.ts";

const OPUS_PACKET_SAMPLES = 960;

/** A rendition's track; `record` is the body of `avcC`. Throws `CodecConfigError`. */
export function describeVideoTrack(rendition: CaptureRendition, record: Uint8Array): PassthroughTrack {
  const description = describeTrack({ codec: "h264", record });
  const frameRate = { num: rendition.framesPerSecond, den: 1 };
  const timescale = timescaleFor(frameRate);
  return {
    ...{ name: captureTrackName(rendition), kind: "video", timescale, description, frameRate },
    init: writeInitSection(description, timescale),
    frameMs: 1000 / rendition.framesPerSecond,
    bitsPerSecond: rendition.bitsPerSecond,
  };
}

/** The track's name: `720p`. */
export function captureTrackName({ width, height }: Pick<CaptureRendition, "width" | "height">): TrackName {
  return nameOf(`${Math.min(width, height)}p`);
}

/** What the audio encoder gives with its first packet. */
export interface CaptureAudio {
  readonly codec: IngestAudioCodec;
  /** AudioSpecificConfig, or OpusHead. */
  readonly record: Uint8Array;
  readonly bitsPerSecond: number;
  readonly firstPacket: Uint8Array;
}

/** The audio track. Throws `CodecConfigError`. */
export function describeAudioTrack({ codec, record, bitsPerSecond, firstPacket }: CaptureAudio): PassthroughTrack {
  const description = describeTrack({ codec, record });
  if (description.media !== "audio") throw new Error("unreachable: an audio codec describes audio");
  const samples = description.frameSamples ?? opusPacketSamples(firstPacket) ?? OPUS_PACKET_SAMPLES;
  const timescale = description.sampleRate;
  return {
    ...{ name: nameOf("audio"), kind: "audio", timescale, description, frameRate: null, bitsPerSecond },
    init: writeInitSection(description, timescale),
    frameMs: (samples * 1000) / timescale,
  };
}

function nameOf(text: string): TrackName {
  const name = parseTrackName(text);
  if (name === null) throw new Error("unreachable: a number makes a track name");
  return name;
}
