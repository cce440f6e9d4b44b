/** AAC beside a sender's Opus, in the same broadcast: one FFmpeg, which decodes the published sound and encodes it anew. */
import { FEED_OFFSET_S } from "../../../core/ingest/passthrough/feed-writer.ts";
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import { TimestampGrid } from "../../../core/ingest/passthrough/timestamp-grid.ts";
import { TrackTimeline } from "../../../core/ingest/passthrough/track-timeline.ts";
import { type BackoffOptions, backoffMs } from "../../../core/kit/backoff.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import type { StreamName, TrackName } from "../../../core/kit/ids.ts";
import { type FragmentSample, writeFragment } from "../../../core/media/cmaf/fragment.ts";
import { FragmentReader } from "../../../core/media/cmaf/fragment-reader.ts";
import type { CodedFrame } from "../../../core/media/cmaf/frame.ts";
import { describeFailure, FfmpegProcess, type ProcessExit } from "../../kit/ffmpeg-process.ts";
import type { AudioRendition } from "../../packager/ladder.ts";
import { aacArgs } from "./rendition-args.ts";

/** Limits of the encoder, each with its reason. */
const AAC_LIMITS = {
  /** Frames of a fragment for FFmpeg, which keeps an index of them: 60 ms of delay, and some 15 MB an hour. */
  fragmentFrames: 3,
  /** AAC this far behind the sender's sound has gap parts, up to the margin behind it. */
  patienceS: 2.5,
  marginS: 2,
  /** Sound of a further timeline that begins within this time of the last one's continues it. */
  continueS: 5,
  /** Bytes that wait for an FFmpeg that does not read: ten seconds of Opus. */
  waitingBytes: 262_144,
  /** A frame may be this much ahead of the sender's sound: the encoder cannot know more. */
  leadS: 0.5,
  /** A snapped time may be this far from the encoder's, ticks: it counts samples. */
  snapTicks: 48,
  frameSamples: 1_024,
  retry: { firstMs: 500, maxMs: 30_000 } satisfies BackoffOptions,
  /** An encoder that has run for this long starts anew at once. */
  steadyMs: 30_000,
} as const;

/** Where frames go; it must have an open timeline. */
interface SoundSink {
  push(track: TrackName, frame: CodedFrame): void;
  markSilent(track: TrackName, untilTicks: number): void;
}

/** What the encoder needs. */
export interface AacSoundOptions {
  readonly stream: StreamName;
  readonly rendition: AudioRendition;
  readonly log: { warn(text: string): void };
  readonly platform: Platform;
}

/** A timeline of the broadcast. */
interface SoundTimeline {
  readonly sink: SoundSink;
  readonly source: PassthroughTrack;
  readonly output: TrackTimeline;
  /** Begin and end of the sender's sound, seconds of its media. */
  firstS: number;
  newestS: number;
}

/** A running FFmpeg, the init section that it has read, and where its input ends, seconds. */
interface SoundEncoder {
  readonly process: FfmpegProcess;
  readonly sinceMs: number;
  readonly init: Uint8Array;
  inputEndS: number | null;
}

/** See the file's first line. What becomes of the encoder affects no other track. */
export class AacSound {
  readonly #options: AacSoundOptions;
  #timeline: SoundTimeline | null = null;
  #encoder: SoundEncoder | null = null;
  #waiting: CodedFrame[] = [];
  #sequence = 0;
  #failures = 0;
  #cancelRestart: () => void = () => {};
  #isMissing = false;

  constructor(options: AacSoundOptions) {
    this.#options = options;
  }

  get rendition(): AudioRendition {
    return this.#options.rendition;
  }

  /** Its name, if gap parts stand for it now. */
  get missing(): readonly string[] {
    return this.#isMissing ? [this.rendition.name] : [];
  }

  /** A timeline has begun in `sink`, whose sound is `source`. */
  beginTimeline(sink: SoundSink, source: PassthroughTrack): void {
    const { timescale } = this.rendition;
    const { frameSamples, snapTicks } = AAC_LIMITS;
    const grid = new TimestampGrid(frameSamples, snapTicks);
    const output = new TrackTimeline({ sourceTimescale: timescale, timescale, grid, usualTicks: frameSamples });
    this.#timeline = { sink, source, output, firstS: Number.POSITIVE_INFINITY, newestS: Number.NEGATIVE_INFINITY };
  }

  /** The sender's sound has this frame. */
  observe(frame: CodedFrame): void {
    const timeline = this.#timeline;
    if (timeline === null) return;
    const atS = frame.dts / timeline.source.timescale;
    // An FFmpeg fills a long pause with as much silence; one that is to be restarted has its time for that.
    const isDue = timeline.firstS === Number.POSITIVE_INFINITY || (this.#encoder?.inputEndS ?? null) !== null;
    if (isDue && !this.#canContinue(timeline, atS)) {
      this.#write();
      this.#start();
    }
    timeline.firstS = Math.min(timeline.firstS, atS);
    timeline.newestS = (frame.dts + frame.durationTicks) / timeline.source.timescale;
    this.#waiting.push(frame);
    if (this.#waiting.length >= AAC_LIMITS.fragmentFrames) this.#write();
    this.#watch(timeline);
  }

  /** The sender's sound has no frame before `untilTicks` of its media. */
  observeSilence(untilTicks: number): void {
    const timeline = this.#timeline;
    if (timeline === null) return;
    this.#write();
    this.#giveUpUntil(timeline, untilTicks / timeline.source.timescale);
  }

  /** The timeline is about to end: what is not encoded by now is left out. The encoder waits for one that continues it. */
  endTimeline(): void {
    this.#write();
    const timeline = this.#timeline;
    this.#timeline = null;
    const last = timeline?.output.flush() ?? null;
    if (last !== null) timeline?.sink.push(this.rendition.name, last);
  }

  /** The sender has gone. */
  leave(): void {
    this.#stop();
  }

  /** Ends the encoder. */
  close(): void {
    this.#timeline = null;
    this.#waiting = [];
    this.#stop();
  }

  /** Whether the encoder can go on with sound from `atS` on. */
  #canContinue({ source }: SoundTimeline, atS: number): boolean {
    const { inputEndS = null, init } = this.#encoder ?? {};
    if (inputEndS === null || init === undefined || Buffer.compare(init, source.init.bytes) !== 0) return false;
    return atS >= inputEndS - 0.001 && atS - inputEndS < AAC_LIMITS.continueS;
  }

  #stop(): void {
    this.#cancelRestart();
    this.#encoder?.process.kill();
    this.#encoder = null;
  }

  #start(): void {
    const timeline = this.#timeline;
    this.#stop();
    if (timeline === null) return;
    const { rendition, stream, platform } = this.#options;
    const reader = new FragmentReader(`${stream} (${rendition.name})`);
    const process = new FfmpegProcess(aacArgs(rendition), 1, true, {
      onData: (_pipe, chunk) => {
        for (const event of reader.push(chunk))
          if (event.kind === "frame" && this.#encoder?.process === process) this.#publish(event.frame);
      },
    });
    const init = timeline.source.init.bytes;
    this.#encoder = { process, init, sinceMs: platform.clock.monotonicMs(), inputEndS: null };
    process.stdin?.write(init);
    void process.done.then((exit) => this.#onExit(process, exit));
  }

  /** Hands what waits to FFmpeg; without one, sound is left out. */
  #write(): void {
    const timeline = this.#timeline;
    const encoder = this.#encoder;
    const stdin = encoder?.process.stdin ?? null;
    const frames = this.#waiting.splice(0);
    const [first, last] = [frames[0], frames.at(-1)];
    if (timeline === null || encoder === null || stdin === null || first === undefined || last === undefined) return;
    const samples = frames.map(
      ({ durationTicks, data }): FragmentSample => ({ durationTicks, ctsOffset: 0, sync: true, data }),
    );
    const decodeTicks = first.dts + FEED_OFFSET_S * timeline.source.timescale;
    if (decodeTicks < 0) return;
    encoder.inputEndS = (last.dts + last.durationTicks) / timeline.source.timescale;
    this.#sequence += 1;
    stdin.write(writeFragment(this.#sequence, [{ trackId: 1, decodeTicks, samples }]).bytes);
    if (stdin.writableLength > AAC_LIMITS.waitingBytes) this.#restart("it does not keep up with the sender");
  }

  #publish(frame: CodedFrame): void {
    const timeline = this.#timeline;
    const { name, timescale } = this.rendition;
    const dts = frame.dts - FEED_OFFSET_S * timescale;
    if (timeline === null || dts / timescale > timeline.newestS + AAC_LIMITS.leadS) return;
    // Of the timeline before, or of the encoder's own delay.
    if ((dts + frame.durationTicks) / timescale <= timeline.firstS) return;
    const { data } = frame;
    const sample = { kind: "frame", media: "audio", track: 0, dts, ctsOffset: 0, sync: true, data } as const;
    const complete = timeline.output.push(sample);
    if (complete === null) return;
    this.#isMissing = false;
    timeline.sink.push(name, complete);
  }

  /** Gap parts stand for what does not come. */
  #watch(timeline: SoundTimeline): void {
    const { output, firstS, newestS } = timeline;
    if (newestS - Math.max(output.endS, firstS) <= AAC_LIMITS.patienceS) return;
    this.#isMissing = true;
    this.#giveUpUntil(timeline, newestS - AAC_LIMITS.marginS);
  }

  #giveUpUntil({ output, sink }: SoundTimeline, untilS: number): void {
    const last = output.flush();
    if (last !== null) sink.push(this.rendition.name, last);
    sink.markSilent(this.rendition.name, output.declareSilence(untilS));
  }

  #onExit(process: FfmpegProcess, exit: ProcessExit): void {
    if (this.#encoder?.process === process) this.#restart(describeFailure(exit) ?? "FFmpeg has ended.");
  }

  #restart(reason: string): void {
    const { log, stream, platform } = this.#options;
    const ranMs = platform.clock.monotonicMs() - (this.#encoder?.sinceMs ?? 0);
    this.#stop();
    this.#failures = ranMs > AAC_LIMITS.steadyMs ? 1 : this.#failures + 1;
    const waitMs = backoffMs(this.#failures, AAC_LIMITS.retry, platform.random);
    const text = `${stream}: the encoder of ${this.rendition.name} is restarted in ${(waitMs / 1000).toFixed(1)} s: ${reason}`;
    log.warn(`${text.replace(/\.+$/, "")}.`);
    this.#cancelRestart = platform.clock.startTimer(waitMs, () => this.#start());
  }
}
