/** One broadcast of this browser: pictures and sound are encoded, packaged and published. */
import { CAPTURE_LIMITS, CaptureBroadcast } from "../../../../core/ingest/capture/capture-broadcast.ts";
import type { CaptureRendition } from "../../../../core/ingest/capture/capture-ladder.ts";
import {
  captureTrackName,
  describeAudioTrack,
  describeVideoTrack,
} from "../../../../core/ingest/capture/capture-track.ts";
import { FramePacer } from "../../../../core/ingest/capture/frame-pacer.ts";
import { UplinkController } from "../../../../core/ingest/capture/uplink-controller.ts";
import { CodecConfigError } from "../../../../core/ingest/codecs/codec-error.ts";
import type { PassthroughTrack } from "../../../../core/ingest/passthrough/timeline-plan.ts";
import { PublishError } from "../../../../core/ingest/publisher/publish-error.ts";
import { createBroadcastId } from "../../../../core/kit/broadcast-id.ts";
import { type Platform, startInterval } from "../../../../core/kit/clock.ts";
import { createEpochClock } from "../../../../core/kit/epoch-clock.ts";
import { errorMessage } from "../../../../core/kit/error-message.ts";
import type { BroadcastId, TrackName } from "../../../../core/kit/ids.ts";
import { CmafError } from "../../../../core/media/cmaf/errors.ts";
import type { CodedFrame } from "../../../../core/media/cmaf/frame.ts";
import { CaptureHealth } from "./capture-health.ts";
import { FetchTransport } from "./fetch-transport.ts";
import type { AudioBlock, StartCommand, WorkerEvent } from "./messages.ts";
import { type CodedPicture, PictureEncoders } from "./picture-encoders.ts";
import { PictureShaper } from "./picture-shaper.ts";
import { type CodedSound, SoundEncoder } from "./sound-encoder.ts";

/** Periods and limits, each with its reason. */
const SESSION_LIMITS = {
  /** A missing picture is repeated, and silence made, within this time. */
  tickMs: 15,
  /** Period of decisions about the uplink. */
  uplinkMs: 250,
  statusMs: 500,
  /** Gap parts stay this far behind the clock: a timeline's media may be that old. */
  gapMarginMs: 700,
  /** Media that waits for all encoders' configurations, frames: beyond it an encoder is silent. */
  heldFrames: 600,
  /** The encoders skip more than this share of pictures: they cannot keep up. */
  overloadShare: 0.1,
  /** Timelines that an encoder's mistakes may break within a minute. */
  brokenTimelines: 6,
  brokenWindowMs: 60_000,
} as const;

/** See the file's first line. */
export class CaptureSession {
  readonly #command: StartCommand;
  readonly #platform: Platform;
  readonly #post: (event: WorkerEvent) => void;
  readonly #nowEpochMs: () => number;
  readonly #startMs: number;
  readonly #pacer: FramePacer;
  readonly #shaper: PictureShaper;
  readonly #pictures: PictureEncoders;
  /** Another one after each pause: encoders count on from their first sample. */
  #sound: SoundEncoder;
  readonly #uplink: UplinkController;
  readonly #health: CaptureHealth;
  readonly #top: CaptureRendition | null;
  readonly #lowest: CaptureRendition | undefined;
  readonly #broadcastId: BroadcastId;
  readonly #tracks = new Map<TrackName, PassthroughTrack>();
  readonly #stops: (() => void)[];
  #held: { readonly track: TrackName; readonly frame: CodedFrame }[] = [];
  #heldSound: CodedSound[] = [];
  #lastSoundTicks = Number.NEGATIVE_INFINITY;
  #broadcast: CaptureBroadcast | null = null;
  #lastFrame: VideoFrame | null = null;
  /** The slot of the last keyframe; minus infinity: the next picture is one. */
  #lastKeySlot: number = Number.NEGATIVE_INFINITY;
  /** The largest rendition returns with this slot; infinite while it is left out, 0 while it is not. */
  #topFromSlot = 0;
  #hasMicrophone = true;
  #skippedShare = 0;
  /** Times of broken timelines. */
  #broken: number[] = [];
  #shown = 0;
  #isOver = false;

  constructor(command: StartCommand, platform: Platform, post: (event: WorkerEvent) => void) {
    this.#command = command;
    this.#platform = platform;
    this.#post = post;
    const { clock } = platform;
    const epochMs = createEpochClock(clock);
    this.#nowEpochMs = () => epochMs() + command.clockOffsetMs;
    this.#startMs = clock.monotonicMs();
    const [top, ...lower] = command.ladder;
    if (top === undefined) throw new Error("a ladder has a rendition");
    this.#top = lower.length > 0 ? top : null;
    this.#lowest = command.ladder.at(-1);
    this.#pacer = new FramePacer(top.framesPerSecond);
    this.#shaper = new PictureShaper(top.width, top.height);
    this.#pictures = new PictureEncoders(command.ladder, {
      onPicture: (rendition, picture) => this.#guard(() => this.#onPicture(rendition, picture)),
      onError: (reason) => this.#fail("encoder", reason),
    });
    this.#sound = this.#createSound();
    this.#uplink = new UplinkController(this.#top !== null);
    this.#broadcastId = createBroadcastId(platform);
    const health = { command, clock, nowEpochMs: this.#nowEpochMs };
    this.#health = new CaptureHealth({ ...health, delayMs: () => this.#broadcast?.recentDelayMs() ?? null });
    this.#stops = [
      startInterval(clock, SESSION_LIMITS.tickMs, () => this.#tick()),
      startInterval(clock, SESSION_LIMITS.uplinkMs, () => this.#guard(() => this.#updateUplink())),
      startInterval(clock, SESSION_LIMITS.statusMs, () => this.#tellStatus()),
    ];
    post({ kind: "opening", broadcast: this.#broadcastId });
  }

  #createSound(): SoundEncoder {
    return new SoundEncoder(this.#command.audio, this.#platform.clock.monotonicMs(), {
      onSound: (sound) => this.#guard(() => this.#onSound(sound)),
      onError: (reason) => this.#fail("encoder", reason),
    });
  }

  /** Whether the session takes no more media. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** A picture arrives; it becomes the session's. */
  pushPicture(frame: VideoFrame): void {
    if (this.#isOver || this.#uplink.isPaused) {
      frame.close();
      return;
    }
    const slot = this.#pacer.place(this.#platform.clock.monotonicMs());
    if (slot === null) {
      frame.close();
      return;
    }
    this.#lastFrame?.close();
    this.#lastFrame = frame;
    this.#encodeSlot(slot);
  }

  pushSound(block: AudioBlock): void {
    if (!this.#isOver && !this.#uplink.isPaused) this.#sound.push(block, this.#platform.clock.monotonicMs());
  }

  /** Whether blocks of sound are to be expected. */
  setMicrophone(hasMicrophone: boolean): void {
    this.#hasMicrophone = hasMicrophone;
  }

  /** Ends the broadcast once the edge has all of it. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    await Promise.all([this.#pictures.flush(), this.#sound.flush()]);
    this.#stop();
    try {
      await this.#broadcast?.end();
      this.#post({ kind: "ended" });
    } catch (error) {
      this.#post({ kind: "failed", code: "failed", reason: errorMessage(error) });
    }
    await this.#broadcast?.close();
  }

  #tick(): void {
    if (this.#isOver || this.#uplink.isPaused) return;
    const nowMs = this.#platform.clock.monotonicMs();
    this.#sound.fillSilence(nowMs, this.#hasMicrophone);
    if (this.#lastFrame === null) return;
    const slot = this.#pacer.repeat(nowMs);
    if (slot !== null) this.#encodeSlot(slot);
  }

  #encodeSlot(slot: number): void {
    if (this.#lastFrame === null) return;
    const { framesPerSecond = 30 } = this.#lowest ?? {};
    const keyframeSlots = Math.round((CAPTURE_LIMITS.keyframeMs * framesPerSecond) / 1000);
    const isKeyframe = slot - this.#lastKeySlot >= keyframeSlots;
    if (isKeyframe) this.#lastKeySlot = slot;
    if (isKeyframe && this.#topFromSlot === RETURN_WITH_KEYFRAME) this.#topFromSlot = slot;
    const except = slot < this.#topFromSlot ? this.#top : null;
    const frame = this.#shaper.shape(this.#lastFrame, Math.round((slot * 1e6) / framesPerSecond));
    this.#pictures.encode(frame, isKeyframe, except);
    frame.close();
    this.#shown += 1;
  }

  #onPicture(rendition: CaptureRendition, picture: CodedPicture): void {
    if (this.#isOver || this.#uplink.isPaused) return;
    const name = captureTrackName(rendition);
    if (picture.record !== null) this.#addTrack(describeVideoTrack(rendition, picture.record));
    const track = this.#tracks.get(name);
    if (track === undefined) return;
    const slot = Math.round((picture.timestampUs * rendition.framesPerSecond) / 1e6);
    // What the encoder still owed when the rendition was left out.
    if (rendition === this.#top && slot < this.#topFromSlot) return;
    const durationTicks = track.timescale / rendition.framesPerSecond;
    const dts = slot * durationTicks;
    if (rendition === this.#lowest) {
      this.#health.pushFrame(track, { dts, sync: picture.isKeyframe, data: picture.data });
      if (this.#top !== null && this.#topFromSlot > 0 && slot <= this.#topFromSlot) {
        this.#broadcast?.markSilent(captureTrackName(this.#top), dts);
      }
    }
    this.#push(name, { dts, ctsOffset: 0, durationTicks, sync: picture.isKeyframe, data: picture.data });
  }

  #onSound(sound: CodedSound): void {
    if (this.#isOver || this.#uplink.isPaused) return;
    const { codec, bitsPerSecond } = this.#command.audio;
    if (sound.record !== null) {
      this.#addTrack(describeAudioTrack({ codec, record: sound.record, bitsPerSecond, firstPacket: sound.data }));
    }
    const { originMs } = this.#pacer;
    // Sound before the first picture waits for it.
    if (originMs === null) {
      this.#heldSound.push(sound);
      if (this.#heldSound.length > SESSION_LIMITS.heldFrames) this.#heldSound.shift();
      return;
    }
    for (const each of this.#heldSound.splice(0)) this.#pushSoundAt(each, originMs);
    this.#pushSoundAt(sound, originMs);
  }

  #pushSoundAt({ atMs, data }: CodedSound, originMs: number): void {
    const track = [...this.#tracks.values()].find(({ kind }) => kind === "audio");
    if (track === undefined) return;
    const durationTicks = Math.round((track.frameMs * track.timescale) / 1000);
    const dts = Math.max(Math.round(((atMs - originMs) * track.timescale) / 1000), this.#lastSoundTicks + 1);
    this.#lastSoundTicks = dts;
    this.#health.pushFrame(track, { dts, sync: true, data });
    this.#push(track.name, { dts, ctsOffset: 0, durationTicks, sync: true, data });
  }

  #addTrack(track: PassthroughTrack): void {
    const known = this.#tracks.get(track.name);
    if (known !== undefined) {
      if (bytesEqual(known.init.bytes, track.init.bytes)) return;
      this.#tracks.set(track.name, track);
      this.#broadcast?.replaceTrack(track);
      this.#restartTimeline();
      return;
    }
    this.#tracks.set(track.name, track);
    const isMeasured =
      track.kind === "audio" || (this.#lowest !== undefined && track.name === captureTrackName(this.#lowest));
    if (isMeasured) this.#health.addTrack(track);
    const expected = this.#command.ladder.length + 1;
    if (this.#tracks.size === expected) this.#open();
  }

  #open(): void {
    const { originMs } = this.#pacer;
    const { edge, stream, key, publisher, ladder } = this.#command;
    const names = [...ladder.map(captureTrackName), ...[...this.#tracks.keys()].filter((name) => name === "audio")];
    const tracks = names.flatMap((name) => this.#tracks.get(name) ?? []);
    const startedAtMs = Math.floor(this.#programOffsetMs(originMs ?? this.#startMs));
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const broadcast = new CaptureBroadcast({
      ...{ edge, stream, key, publisher, tracks, startedAtMs, log },
      broadcast: this.#broadcastId,
      platform: this.#platform,
      transport: new FetchTransport(edge),
      onFatal: (error) => this.#fail(error.code, error.message),
    });
    this.#broadcast = broadcast;
    broadcast.firstPart.then(() => this.#post({ kind: "live" })).catch(() => {});
    this.#beginTimeline();
    for (const { track, frame } of this.#held.splice(0)) broadcast.push(track, frame);
  }

  #push(track: TrackName, frame: CodedFrame): void {
    if (this.#broadcast !== null) this.#broadcast.push(track, frame);
    else if (this.#held.push({ track, frame }) > SESSION_LIMITS.heldFrames)
      this.#fail("encoder", "an encoder gives nothing");
  }

  /** Another timeline begins at the next picture, which is a keyframe. */
  #restartTimeline(): void {
    this.#broadcast?.endTimeline();
    this.#lastKeySlot = Number.NEGATIVE_INFINITY;
    this.#beginTimeline();
  }

  #beginTimeline(): void {
    this.#broadcast?.beginTimeline(this.#programOffsetMs(this.#pacer.originMs ?? this.#startMs));
  }

  /** Program time of a time of arrival. */
  #programOffsetMs(atMs: number): number {
    return this.#nowEpochMs() - (this.#platform.clock.monotonicMs() - atMs);
  }

  #updateUplink(): void {
    const broadcast = this.#broadcast;
    if (broadcast === null || this.#isOver) return;
    this.#skippedShare += (this.#pictures.takeSkippedShare() - this.#skippedShare) / 4;
    const isOverloaded = this.#skippedShare > SESSION_LIMITS.overloadShare;
    const { clock } = this.#platform;
    if (this.#uplink.isPaused) broadcast.fillGapUntil(this.#nowEpochMs() - SESSION_LIMITS.gapMarginMs);
    const { queueMs } = broadcast;
    const acceptedParts = broadcast.counters().parts;
    const action = this.#uplink.update({ nowMs: clock.monotonicMs(), queueMs, acceptedParts, isOverloaded });
    switch (action) {
      case "drop-top":
        this.#topFromSlot = Number.POSITIVE_INFINITY;
        if (this.#top !== null) broadcast.dropWaiting(captureTrackName(this.#top));
        break;
      case "restore-top":
        this.#topFromSlot = RETURN_WITH_KEYFRAME;
        break;
      case "skip":
        for (const name of this.#tracks.keys()) broadcast.dropWaiting(name);
        break;
      case "pause":
        this.#sound.close();
        broadcast.endTimeline();
        for (const name of this.#tracks.keys()) broadcast.dropWaiting(name);
        break;
      case "resume":
        this.#sound = this.#createSound();
        this.#restartTimeline();
        break;
      case "end":
        this.#fail("network", "");
        break;
    }
  }

  #tellStatus(): void {
    if (this.#broadcast === null || this.#isOver) return;
    const { delayP95Ms, bytes } = this.#broadcast.counters();
    const { isPaused, isTopDropped } = this.#uplink;
    const kept = this.#command.ladder.filter((rendition) => !(isTopDropped && rendition === this.#top));
    const rates = this.#health.measureRates(bytes, this.#shown);
    this.#post({
      kind: "status",
      status: {
        ...rates,
        queueMs: this.#broadcast.queueMs,
        delayMs: delayP95Ms,
        isOverloaded: this.#skippedShare > SESSION_LIMITS.overloadShare,
        renditions: isPaused ? [] : kept.map(captureTrackName),
        isSkipping: this.#uplink.isSkipping(this.#platform.clock.monotonicMs()),
        ...{ isTopDropped, isPaused, checks: this.#health.checks },
      },
    });
  }

  /** Media that does not fit its timeline begins another one. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof CodecConfigError) this.#fail("encoder", error.message);
      else if (error instanceof PublishError) this.#fail(error.code, error.message);
      else if (error instanceof CmafError && this.#mayBreak()) this.#restartTimeline();
      else this.#fail("failed", errorMessage(error));
    }
  }

  /** Counts a broken timeline; whether there were few of them lately. */
  #mayBreak(): boolean {
    const nowMs = this.#platform.clock.monotonicMs();
    const { brokenTimelines, brokenWindowMs } = SESSION_LIMITS;
    this.#broken = [...this.#broken.filter((atMs) => nowMs - atMs < brokenWindowMs), nowMs];
    return this.#broken.length <= brokenTimelines;
  }

  #fail(code: Extract<WorkerEvent, { kind: "failed" }>["code"], reason: string): void {
    if (this.#isOver) return;
    this.#stop();
    this.#post({ kind: "failed", code, reason });
    void this.#broadcast?.close();
  }

  #stop(): void {
    this.#isOver = true;
    for (const stop of this.#stops) stop();
    this.#health.stop();
    this.#pictures.close();
    this.#sound.close();
    this.#lastFrame?.close();
    this.#lastFrame = null;
  }
}

/** A slot that the next keyframe replaces. */
const RETURN_WITH_KEYFRAME: number = Number.MAX_SAFE_INTEGER;

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
