/** An AAC track: raw frames and AudioSpecificConfig from ADTS. */
import { concatBytes, isSameBytes } from "../../kit/bytes.ts";
import type { IngestEvent } from "../media-event.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";
import { FrameTimes, TRANSPORT_TIMESCALE, type TrackReader, type TrackUnit } from "./track-reader.ts";

const SAMPLE_RATES: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
const SAMPLES_PER_FRAME = 1_024;
const HEADER_BYTES = 7;
const EMPTY = new Uint8Array(0);

/** An ADTS header. */
interface AdtsHeader {
  readonly headerBytes: number;
  readonly frameBytes: number;
  readonly sampleRate: number;
  readonly record: Uint8Array;
}

/** The header at the start of `bytes`; null if there is none that this side can use. */
function parseAdtsHeader(bytes: Uint8Array): AdtsHeader | null {
  const [sync = 0, flags = 0, format = 0, channels = 0, length = 0, lengthEnd = 0, blocks = 0] = bytes;
  // Twelve bits of sync word, and a layer of 0.
  if (bytes.byteLength < HEADER_BYTES || sync !== 0xff || (flags & 0xf6) !== 0xf0) return null;
  const headerBytes = (flags & 1) === 1 ? HEADER_BYTES : HEADER_BYTES + 2;
  const frameBytes = ((channels & 3) << 11) | (length << 3) | (lengthEnd >> 5);
  const rateIndex = (format >> 2) & 15;
  const channelConfiguration = ((format & 1) << 2) | (channels >> 6);
  const sampleRate = SAMPLE_RATES[rateIndex];
  // Several raw blocks in one frame, and channels that only the stream describes, do not occur in live senders.
  if (sampleRate === undefined || frameBytes <= headerBytes || channelConfiguration === 0 || (blocks & 3) !== 0)
    return null;
  const objectType = (format >> 6) + 1;
  const record = Uint8Array.of(
    (objectType << 3) | (rateIndex >> 1),
    ((rateIndex & 1) << 7) | (channelConfiguration << 3),
  );
  return { headerBytes, frameBytes, sampleRate, record };
}

/** Reads one AAC track. */
export class AacTrackReader implements TrackReader {
  readonly #track: number;
  readonly #times = new FrameTimes();
  /** The beginning of a frame that goes on in the next PES packet. */
  #rest: Uint8Array = EMPTY;
  #record: Uint8Array | null = null;
  #droppedUnits = 0;

  constructor(track: number) {
    this.#track = track;
  }

  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  read({ times, data }: TrackUnit): IngestEvent[] {
    const events: IngestEvent[] = [];
    const restBytes = this.#rest.byteLength;
    const bytes = restBytes === 0 ? data : concatBytes([this.#rest, data]);
    let pendingDts = times?.dts ?? null;
    let at = 0;
    let frames = 0;
    while (at + HEADER_BYTES <= bytes.byteLength && frames < MPEG_TS_LIMITS.audioFrames) {
      const header = parseAdtsHeader(bytes.subarray(at));
      if (header === null) {
        const next = bytes.indexOf(0xff, at + 1);
        this.#droppedUnits += 1;
        at = next === -1 ? bytes.byteLength : next;
        continue;
      }
      if (at + header.frameBytes > bytes.byteLength) break;
      if (pendingDts !== null && at >= restBytes) {
        this.#times.setTime(pendingDts);
        pendingDts = null;
      }
      this.#pushFrame(header, bytes.subarray(at + header.headerBytes, at + header.frameBytes), events);
      at += header.frameBytes;
      frames += 1;
    }
    const rest = bytes.subarray(at);
    this.#rest = rest.byteLength > MPEG_TS_LIMITS.adtsBytes ? EMPTY : rest.slice();
    // The time belongs to the frame that has begun here.
    if (pendingDts !== null && at >= restBytes) this.#times.setTime(pendingDts);
    return events;
  }

  reset(): void {
    this.#rest = EMPTY;
    this.#times.reset();
  }

  #pushFrame({ sampleRate, record }: AdtsHeader, data: Uint8Array, events: IngestEvent[]): void {
    const dts = this.#times.advance((SAMPLES_PER_FRAME * TRANSPORT_TIMESCALE) / sampleRate);
    if (dts === null) {
      this.#droppedUnits += 1;
      return;
    }
    const fields = { track: this.#track, media: "audio" } as const;
    if (this.#record === null || !isSameBytes(this.#record, record)) {
      this.#record = record;
      events.push({ kind: "config", ...fields, codec: "aac", timescale: TRANSPORT_TIMESCALE, record });
    }
    events.push({ kind: "frame", ...fields, dts, ctsOffset: 0, sync: true, data: data.slice() });
  }
}
