/** An Opus track: packets from access units with control headers, and the identification header. */
import { opusPacketSamples } from "../codecs/opus-config.ts";
import type { IngestEvent } from "../media-event.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";
import { FrameTimes, TRANSPORT_TIMESCALE, type TrackReader, type TrackUnit } from "./track-reader.ts";

const OPUS_RATE = 48_000;
const MAGIC = new TextEncoder().encode("OpusHead");

/** Streams, coupled streams and channel mapping of RFC 7845's mapping family 1, from three channels on. */
const SURROUND: readonly (readonly [streams: number, coupled: number, mapping: readonly number[]])[] = [
  [2, 1, [0, 2, 1]],
  [2, 2, [0, 1, 2, 3]],
  [3, 2, [0, 4, 1, 2, 3]],
  [4, 2, [0, 4, 1, 2, 3, 5]],
  [4, 3, [0, 4, 1, 2, 3, 5, 6]],
  [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
];

/**
 * The identification header for `channel_config_code` of the Opus descriptor; null for codes that are not supported.
 * Its pre-skip is 0: a live stream is joined in its middle.
 */
export function makeOpusHead(channelConfigCode: number): Uint8Array | null {
  const isDualMono = channelConfigCode === 0;
  const channels = isDualMono ? 2 : channelConfigCode;
  const surround = isDualMono ? ([2, 0, [0, 1]] as const) : SURROUND[channelConfigCode - 3];
  if (channels > 2 && surround === undefined) return null;
  const family = isDualMono ? 255 : surround === undefined ? 0 : 1;
  const table = surround === undefined ? [] : [surround[0], surround[1], ...surround[2]];
  const rate = new Uint8Array(4);
  new DataView(rate.buffer).setUint32(0, OPUS_RATE, true);
  return Uint8Array.of(...MAGIC, 1, channels, 0, 0, ...rate, 0, 0, family, ...table);
}

/** Reads one Opus track. */
export class OpusTrackReader implements TrackReader {
  readonly #track: number;
  readonly #record: Uint8Array;
  readonly #times = new FrameTimes();
  #isConfigured = false;
  #droppedUnits = 0;

  /** `record`: of `makeOpusHead`. */
  constructor(track: number, record: Uint8Array) {
    this.#track = track;
    this.#record = record;
  }

  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  read({ times, data }: TrackUnit): IngestEvent[] {
    const events: IngestEvent[] = [];
    if (times !== null) this.#times.setTime(times.dts);
    let at = 0;
    for (let frames = 0; at < data.byteLength && frames < MPEG_TS_LIMITS.audioFrames; frames += 1) {
      const unit = parseControlHeader(data, at);
      if (unit === null) {
        this.#droppedUnits += 1;
        break;
      }
      this.#pushPacket(data.slice(unit.start, unit.end), events);
      at = unit.end;
    }
    return events;
  }

  reset(): void {
    this.#times.reset();
  }

  #pushPacket(data: Uint8Array, events: IngestEvent[]): void {
    const samples = opusPacketSamples(data);
    const dts = samples === null ? null : this.#times.advance((samples * TRANSPORT_TIMESCALE) / OPUS_RATE);
    if (dts === null) {
      this.#droppedUnits += 1;
      return;
    }
    const fields = { track: this.#track, media: "audio" } as const;
    if (!this.#isConfigured) {
      this.#isConfigured = true;
      events.push({ kind: "config", ...fields, codec: "opus", timescale: TRANSPORT_TIMESCALE, record: this.#record });
    }
    events.push({ kind: "frame", ...fields, dts, ctsOffset: 0, sync: true, data });
  }
}

/** Bounds of the packet behind the control header at `start`; null if it is malformed. */
function parseControlHeader(data: Uint8Array, start: number): { readonly start: number; readonly end: number } | null {
  const [first = 0, flags = 0] = data.subarray(start, start + 2);
  // `control_header_prefix`: 0x3FF in eleven bits.
  if (first !== 0x7f || (flags & 0xe0) !== 0xe0) return null;
  let at = start + 2;
  let size = 0;
  // "au_size": bytes of 255 go on.
  for (;;) {
    const byte = data[at];
    if (byte === undefined) return null;
    at += 1;
    size += byte;
    if (byte !== 255) break;
  }
  // start_trim_flag, end_trim_flag: 16 bits each; control_extension_flag: a length and as many bytes.
  at += ((flags & 0x10) === 0 ? 0 : 2) + ((flags & 0x08) === 0 ? 0 : 2);
  if ((flags & 0x04) !== 0) at += 1 + (data[at] ?? 0);
  return at + size <= data.byteLength ? { start: at, end: at + size } : null;
}
