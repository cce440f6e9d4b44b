/** The encoder of the sound: blocks in, packets out, on a clock that follows the pictures'. */
import { SampleClock } from "../../../../core/ingest/capture/sample-clock.ts";
import { audioEncoderConfig } from "../encoder-config.ts";
import type { AudioBlock, AudioFormat } from "./messages.ts";
import { bytesOf } from "./picture-encoders.ts";

/** Silence is encoded in blocks of this duration, as sound is. */
const SILENT_BLOCK_MS = 20;

/** A coded packet. */
export interface CodedSound {
  /** Time of its first sample, milliseconds of the clock of arrivals. */
  readonly atMs: number;
  readonly data: Uint8Array;
  /** AudioSpecificConfig or OpusHead, with the first packet; else null. */
  readonly record: Uint8Array | null;
}

/** See the file's first line. */
export class SoundEncoder {
  readonly #format: AudioFormat;
  readonly #clock: SampleClock;
  readonly #encoder: AudioEncoder;
  #hasRecord = false;

  constructor(
    format: AudioFormat,
    startMs: number,
    sink: { onSound(sound: CodedSound): void; onError(reason: string): void },
  ) {
    this.#format = format;
    this.#clock = new SampleClock(format.sampleRate, startMs);
    this.#encoder = new AudioEncoder({
      output: (chunk, metadata) => sink.onSound(this.#codedSound(chunk, metadata)),
      error: (error) => sink.onError(error.message),
    });
    this.#encoder.configure(audioEncoderConfig(format));
  }

  /** A block arrives. */
  push(block: AudioBlock, nowMs: number): void {
    const count = block.planes[0]?.length ?? 0;
    const before = this.#clock.samples;
    if (count === 0 || !this.#clock.push(count, nowMs)) return;
    this.#encode(block.planes, count, before);
  }

  /** Encodes the silence that is due; without a microphone, all of the time. */
  fillSilence(nowMs: number, hasSource: boolean): void {
    const { sampleRate } = this.#format;
    const blockSamples = (sampleRate * SILENT_BLOCK_MS) / 1000;
    if (!hasSource) {
      while (this.#clock.timeOf(this.#clock.samples + blockSamples) <= nowMs) {
        const before = this.#clock.samples;
        if (!this.#clock.push(blockSamples, nowMs)) break;
        this.#encode([], blockSamples, before);
      }
    }
    let from = this.#clock.samples;
    for (let left = this.#clock.fillSilence(nowMs); left > 0; left -= blockSamples) {
      const count = Math.min(left, blockSamples);
      this.#encode([], count, from);
      from += count;
    }
  }

  async flush(): Promise<void> {
    if (this.#encoder.state === "configured") await this.#encoder.flush().catch(() => {});
  }

  close(): void {
    if (this.#encoder.state !== "closed") this.#encoder.close();
  }

  /** Encodes `planes`; a channel without one repeats the first, and without any is silent. */
  #encode(planes: readonly Float32Array[], count: number, firstSample: number): void {
    if (this.#encoder.state !== "configured") return;
    const { channels, sampleRate } = this.#format;
    const data = new Float32Array(count * channels);
    for (let channel = 0; channel < channels; channel += 1) {
      const plane = planes[channel] ?? planes[0];
      if (plane !== undefined) data.set(plane.subarray(0, count), channel * count);
    }
    const timestamp = Math.round((firstSample * 1e6) / sampleRate);
    const sound = new AudioData({
      ...{ format: "f32-planar", sampleRate, numberOfFrames: count, numberOfChannels: channels, timestamp, data },
    });
    this.#encoder.encode(sound);
    sound.close();
  }

  #codedSound(chunk: EncodedAudioChunk, metadata: EncodedAudioChunkMetadata | undefined): CodedSound {
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    const { sampleRate, channels, codec } = this.#format;
    const description = metadata?.decoderConfig?.description;
    let record: Uint8Array | null = null;
    if (!this.#hasRecord) {
      this.#hasRecord = true;
      record =
        description !== undefined ? bytesOf(description) : codec === "opus" ? opusHead(sampleRate, channels) : null;
    }
    return { atMs: this.#clock.timeOf((chunk.timestamp * sampleRate) / 1e6), data, record };
  }
}

/** RFC 7845 §5.1, for a browser that gives none. */
function opusHead(sampleRate: number, channels: number): Uint8Array {
  const head = new Uint8Array(19);
  head.set(new TextEncoder().encode("OpusHead"));
  const view = new DataView(head.buffer);
  view.setUint8(8, 1);
  view.setUint8(9, channels);
  view.setUint16(10, 312, true);
  view.setUint32(12, sampleRate, true);
  return head;
}
