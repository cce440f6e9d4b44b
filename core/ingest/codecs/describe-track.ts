/** A track's configuration event as what it says of the track. */
import type { IngestTrackConfig } from "../media-event.ts";
import { parseAacConfig } from "./aac-config.ts";
import { parseAv1Config } from "./av1-config.ts";
import { checkRecordLength, parseAvcConfig } from "./avc-config.ts";
import { parseHevcConfig } from "./hevc-config.ts";
import { parseOpusConfig } from "./opus-config.ts";
import type { TrackDescription } from "./track-description.ts";

const PARSERS: Readonly<Record<IngestTrackConfig["codec"], (record: Uint8Array) => TrackDescription>> = {
  h264: parseAvcConfig,
  hevc: parseHevcConfig,
  av1: parseAv1Config,
  aac: parseAacConfig,
  opus: parseOpusConfig,
};

/** Reads the decoder configuration record of `config`. Throws `CodecConfigError`, and nothing else for any input. */
export function describeTrack({ codec, record }: Pick<IngestTrackConfig, "codec" | "record">): TrackDescription {
  checkRecordLength(record);
  return PARSERS[codec](record);
}
