/** AAC: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
import { BitFieldReader } from "./bit-field-reader.ts";
import { CODEC_CONFIG_LIMITS, CodecConfigError } from "./codec-error.ts";
import type { AudioTrackDescription } from "./track-description.ts";

/** ISO/IEC 14496-3 table 1.18. */
const SAMPLE_RATES: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
/** Channels of `channelConfiguration` 1 to 14; 0 where it is reserved. */
const CHANNELS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8];
const LOW_COMPLEXITY = 2;
const SPECTRAL_REPLICATION = 5;
const PARAMETRIC_STEREO = 29;
const SYNC_EXTENSION = 0x2b7;

/** Reads an AudioSpecificConfig of AAC-LC or HE-AAC. Throws `CodecConfigError`. */
export function parseAacConfig(record: Uint8Array): AudioTrackDescription {
  const reader = new BitFieldReader(record, "AudioSpecificConfig");
  let objectType = readObjectType(reader);
  const sampleRate = readSampleRate(reader);
  const configuration = reader.bits(4);
  let outputRate = sampleRate;
  if (objectType === SPECTRAL_REPLICATION || objectType === PARAMETRIC_STEREO) {
    outputRate = readSampleRate(reader);
    objectType = readObjectType(reader);
  }
  if (objectType !== LOW_COMPLEXITY)
    throw new CodecConfigError("unsupported", `AAC of object type ${objectType}; AAC-LC and HE-AAC are supported`);
  const frameSamples = reader.flag() ? 960 : 1024;
  if (reader.flag()) reader.skip(14);
  reader.skip(1);
  const channels = configuration === 0 ? readProgramChannels(reader) : (CHANNELS[configuration] ?? 0);
  if (channels === 0 || channels > CODEC_CONFIG_LIMITS.channels)
    throw new CodecConfigError("unsupported", `AAC of channel configuration ${configuration}`);
  // §1.6.5.3: backward compatible signalling of SBR after the core's configuration.
  if (outputRate === sampleRate && reader.remaining >= 16 && reader.bits(11) === SYNC_EXTENSION) {
    if (readObjectType(reader) === SPECTRAL_REPLICATION && reader.flag()) outputRate = readSampleRate(reader);
  }
  return { media: "audio", codec: "aac", record, sampleRate, outputRate, channels, frameSamples };
}

function readObjectType(reader: BitFieldReader): number {
  const type = reader.bits(5);
  return type === 31 ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitFieldReader): number {
  const index = reader.bits(4);
  const rate = index === 15 ? reader.bits(24) : (SAMPLE_RATES[index] ?? 0);
  if (rate === 0 || rate > CODEC_CONFIG_LIMITS.sampleRate)
    throw new CodecConfigError("invalid", `AAC with a sample rate of ${rate} Hz`);
  return rate;
}

/** ISO/IEC 14496-3 §4.4.1.1: channels of the elements that a `program_config_element` lists. */
function readProgramChannels(reader: BitFieldReader): number {
  reader.skip(10);
  const pairs = [reader.bits(4), reader.bits(4), reader.bits(4)];
  const effects = reader.bits(2);
  reader.skip(7);
  for (const bits of [4, 4, 3]) if (reader.flag()) reader.skip(bits);
  let channels = effects;
  for (const count of pairs) {
    for (let i = 0; i < count; i += 1) {
      channels += reader.flag() ? 2 : 1;
      reader.skip(4);
    }
  }
  return channels;
}
