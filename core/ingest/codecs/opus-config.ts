/** Opus: the identification header (RFC 7845 §5.1) and the duration of packets (RFC 6716 §3.1). */
import { CODEC_CONFIG_LIMITS, CodecConfigError } from "./codec-error.ts";
import type { AudioTrackDescription } from "./track-description.ts";

const MAGIC = [0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64];
/** RFC 7845 §4: positions count samples of 48 kHz, whatever the input's rate. */
const OPUS_RATE = 48_000;
/** RFC 6716 §3.2.5: a packet has at most 120 ms. */
const MAX_PACKET_SAMPLES = 5_760;

/** Reads an `OpusHead`. Throws `CodecConfigError`. */
export function parseOpusConfig(record: Uint8Array): AudioTrackDescription {
  if (record.length < 19) throw new CodecConfigError("truncated", "OpusHead ends before its fields");
  if (MAGIC.some((byte, i) => record[i] !== byte)) throw new CodecConfigError("invalid", "no OpusHead");
  if (((record[8] ?? 0) & 0xf0) !== 0)
    throw new CodecConfigError("unsupported", `OpusHead has version ${record[8] ?? 0}`);
  const channels = record[9] ?? 0;
  if (channels === 0 || channels > CODEC_CONFIG_LIMITS.channels)
    throw new CodecConfigError("unsupported", `Opus of ${channels} channels`);
  const isMapped = record[18] !== 0;
  if (isMapped && record.length < 21 + channels)
    throw new CodecConfigError("truncated", "OpusHead ends within its channel mapping");
  const plain = { media: "audio", codec: "opus", record, channels, frameSamples: null } as const;
  return { ...plain, sampleRate: OPUS_RATE, outputRate: OPUS_RATE };
}

/** Samples of 48 kHz in a packet; null if it is malformed. */
export function opusPacketSamples(packet: Uint8Array): number | null {
  const toc = packet[0];
  if (toc === undefined) return null;
  const configuration = toc >>> 3;
  const samples =
    configuration < 12
      ? ([480, 960, 1920, 2880][configuration & 3] ?? 960)
      : configuration < 16
        ? ([480, 960][configuration & 1] ?? 960)
        : ([120, 240, 480, 960][configuration & 3] ?? 960);
  const code = toc & 3;
  const count = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 0x3f;
  const total = samples * count;
  return total > 0 && total <= MAX_PACKET_SAMPLES ? total : null;
}
