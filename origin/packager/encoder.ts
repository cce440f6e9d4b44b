/** The encoders of a session: raw video frames and audio samples in, coded frames of each rendition out. */

import type { TrackName } from "../../core/kit/ids.ts";
import { FragmentReader } from "../../core/media/cmaf/fragment-reader.ts";
import type { CodedFrame, InitInfo } from "../../core/media/cmaf/frame.ts";
import type { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import type { RawFrame } from "../ingest/frame-pool.ts";
import { type Canvas, RAW_AUDIO, rawFrameBytes } from "../ingest/raw-media.ts";
import type { MediaSink } from "../ingest/synchronizer.ts";
import { FfmpegProcess, type ProcessExit } from "../kit/ffmpeg-process.ts";
import { ENCODE_OFFSET_S, type EncoderByCodec, encodeAudioArgs, encodeVideoArgs } from "./encode-args.ts";
import type { AudioRendition, Rendition, VideoRendition } from "./ladder.ts";
import type { Preset } from "./presets.ts";

/** Bytes queued for an encoder before its input is held: a few video frames, a second of audio. */
const BACKLOG_LIMITS = { pictures: 4, soundBytes: RAW_AUDIO.sampleRate * RAW_AUDIO.channels * 2 } as const;

/** An init section with its parsed content. */
export interface InitSection {
  readonly info: InitInfo;
  readonly bytes: Uint8Array;
}

/** The encoders' input. Video renditions come first. */
export interface EncodeJob {
  readonly renditions: readonly Rendition[];
  /** Null without video. */
  readonly canvas: Canvas | null;
  readonly schedule: KeyframeSchedule | null;
  readonly preset: Preset;
  readonly encoders: EncoderByCodec;
}

/** Events of the encoders. An exception in a handler kills them and becomes their `error`. */
export interface EncodeHandlers {
  readonly onInit: (track: TrackName, init: InitSection) => void;
  readonly onFrame: (track: TrackName, frame: CodedFrame) => void;
  /** The encoders can take more. */
  readonly onDrain: () => void;
}

/** One process for the video renditions, one for the audio, so that neither waits for the other. */
export class RenditionEncoder implements MediaSink {
  /** Resolves when both have exited: with the exit of the failed one, or of the first. */
  readonly done: Promise<ProcessExit>;
  readonly #video: FfmpegProcess | null;
  readonly #audio: FfmpegProcess | null;
  readonly #frameBytes: number;
  /** Total audio samples, once the audio has ended; null before. */
  #endSample: number | null = null;
  #samples = 0;

  constructor(name: string, job: EncodeJob, handlers: EncodeHandlers) {
    const { renditions, canvas, schedule, preset, encoders } = job;
    const videos = renditions.filter((each): each is VideoRendition => each.kind === "video");
    const audio = renditions.find((each): each is AudioRendition => each.kind === "audio");
    this.#frameBytes = rawFrameBytes(canvas);
    this.#video =
      canvas === null || schedule === null
        ? null
        : this.#start(name, encodeVideoArgs(videos, canvas, schedule, preset, encoders), videos, handlers);
    this.#audio = audio === undefined ? null : this.#start(name, encodeAudioArgs(audio), [audio], handlers);
    this.done = this.#awaitExit();
  }

  /** Process ids of the encoders. */
  get pids(): number[] {
    return [this.#video, this.#audio].flatMap((each) => (each?.pid === undefined ? [] : [each.pid]));
  }

  get canAcceptVideo(): boolean {
    return (this.#video?.stdin?.writableLength ?? 0) <= BACKLOG_LIMITS.pictures * this.#frameBytes;
  }

  get canAcceptAudio(): boolean {
    return (this.#audio?.stdin?.writableLength ?? 0) <= BACKLOG_LIMITS.soundBytes;
  }

  writeVideo(picture: RawFrame): void {
    const input = this.#video?.stdin;
    if (input === null || input === undefined || !input.writable) return;
    picture.retain();
    input.write(picture.bytes, () => picture.release());
  }

  writeAudio(samples: Int16Array): void {
    const input = this.#audio?.stdin;
    this.#samples += samples.length / RAW_AUDIO.channels;
    if (input?.writable) input.write(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  }

  /** Ends the input: the encoders flush and exit. */
  end(): void {
    this.#endSample = this.#samples;
    this.#video?.stdin?.end();
    this.#audio?.stdin?.end();
  }

  /** Kills the encoders. */
  kill(): void {
    this.#video?.kill();
    this.#audio?.kill();
  }

  #start(name: string, args: string[], renditions: readonly Rendition[], handlers: EncodeHandlers): FfmpegProcess {
    const readers = renditions.map((each) => new FragmentReader(`${name} (${each.name})`));
    const onData = (pipe: number, chunk: Uint8Array): void => {
      const [rendition, reader] = [renditions[pipe], readers[pipe]];
      if (rendition === undefined || reader === undefined) return;
      for (const event of reader.push(chunk)) {
        if (event.kind === "init") handlers.onInit(rendition.name, event);
        else if (!this.#isPadding(rendition, event.frame)) handlers.onFrame(rendition.name, event.frame);
      }
    };
    const process = new FfmpegProcess(args, renditions.length, true, { onData });
    process.stdin?.on("drain", handlers.onDrain);
    return process;
  }

  /** AAC is flushed with silent frames after the last sample, which would need another segment. */
  #isPadding(rendition: Rendition, frame: CodedFrame): boolean {
    if (rendition.kind !== "audio" || this.#endSample === null) return false;
    return frame.dts / rendition.timescale - ENCODE_OFFSET_S >= this.#endSample / RAW_AUDIO.sampleRate;
  }

  async #awaitExit(): Promise<ProcessExit> {
    const processes = [this.#video, this.#audio].filter((each) => each !== null);
    const order: ProcessExit[] = [];
    await Promise.all(
      processes.map(async (each) => {
        const end = await each.done;
        // One encoder without the other is useless.
        if (end.code !== 0) this.kill();
        order.push(end);
      }),
    );
    const failed = order.find((end) => end.code !== 0 || end.error !== null);
    return failed ?? order[0] ?? { code: 0, signal: null, lastLines: [], error: null };
  }
}
