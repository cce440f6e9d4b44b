/** A sender's events as timelines of coded frames, ready for the packager. */
import { isSameBytes } from "../../kit/bytes.ts";
import type { TrackName } from "../../kit/ids.ts";
import type { CodedFrame } from "../../media/cmaf/frame.ts";
import { CodecConfigError } from "../codecs/codec-error.ts";
import { describeTrack } from "../codecs/describe-track.ts";
import type { IngestEvent, IngestFrame, IngestMetadata, IngestTrackConfig } from "../media-event.ts";
import type { PassthroughDecision } from "./gop-inspector.ts";
import { PASSTHROUGH_LIMITS, PassthroughError } from "./limits.ts";
import { SenderTrack } from "./sender-track.ts";
import { type PassthroughTrack, type PlannedTrack, planTimeline } from "./timeline-plan.ts";

/** What a sender's media becomes, in order. */
export type PassthroughOutput =
  /** A timeline begins; `programOffsetMs` is the program time of media timestamp 0, milliseconds since the epoch. */
  | {
      readonly kind: "begin";
      readonly tracks: readonly PassthroughTrack[];
      readonly programOffsetMs: number;
      /** Program time of the first picture that can be shown, or of the first sound. */
      readonly startsAtMs: number;
    }
  | { readonly kind: "frame"; readonly track: TrackName; readonly frame: CodedFrame }
  /** No frame of `track` comes before `untilTicks`. */
  | { readonly kind: "silence"; readonly track: TrackName; readonly untilTicks: number }
  /** The timeline ends; another one may begin. */
  | { readonly kind: "end"; readonly reason: string }
  /** The pictures were judged. */
  | { readonly kind: "decision"; readonly decision: PassthroughDecision };

/** Options of one sender. */
export interface PassthroughOptions {
  /** The tracks of the broadcast that the sender continues, else empty. */
  readonly previous: readonly PassthroughTrack[];
  /** Whether a timeline waits until the pictures were judged, instead of beginning while they are. */
  readonly mustBeJudged: boolean;
  /** Program time before which a timeline should not begin, milliseconds since the epoch; null: any. */
  readonly notBeforeMs?: () => number | null;
}

/** One sender, from its first event to its end. Times of arrival are milliseconds since the epoch and never go back. */
export class PassthroughTimeline {
  readonly #options: PassthroughOptions;
  readonly #senders = new Map<string, SenderTrack>();
  readonly #records = new Map<string, Uint8Array>();
  #metadata: IngestMetadata | null = null;
  #previous: readonly PassthroughTrack[];
  /** The open timeline; empty if none is. */
  #planned: readonly PlannedTrack[] = [];
  #decision: PassthroughDecision = { kind: "undecided" };
  /** First arrival of a frame that waits. */
  #waitingSinceMs: number | null = null;
  /** Program time of media timestamp 0 while the sender's clock continues; null before it is known. */
  #programOffsetMs: number | null = null;
  #heldFrames = 0;
  #heldBytes = 0;

  constructor(options: PassthroughOptions) {
    this.#options = options;
    this.#previous = options.previous;
  }

  /** What `event` completes. Throws `PassthroughError` with a sentence for the operator; nothing may follow. */
  push(event: IngestEvent, nowMs: number): PassthroughOutput[] {
    const out: PassthroughOutput[] = [];
    if (event.kind === "metadata") this.#metadata = event;
    else if (event.kind === "config") this.#configure(event, out);
    else this.#addFrame(event, nowMs, out);
    return out;
  }

  /** The sender has ended. */
  end(): PassthroughOutput[] {
    const out: PassthroughOutput[] = [];
    if (this.#planned.length > 0) this.#endTimeline("the sender has ended", out);
    return out;
  }

  /** The timeline cannot go on: another one begins at the next keyframe. Nothing of the old one follows. */
  abandonTimeline(): void {
    this.#planned = [];
  }

  #configure(config: IngestTrackConfig, out: PassthroughOutput[]): void {
    if (config.track >= PASSTHROUGH_LIMITS.tracks || (config.media === "audio" && config.track > 0)) return;
    const key = trackKey(config);
    const known = this.#records.get(key);
    const codecs = this.#senders.get(key)?.description.codec;
    if (known !== undefined && codecs === config.codec && isSameBytes(known, config.record)) return;
    let description: SenderTrack["description"];
    try {
      description = describeTrack(config);
    } catch (cause) {
      if (!(cause instanceof CodecConfigError)) throw cause;
      throw new PassthroughError("codec", `The ${config.media} cannot be read: ${cause.message}.`, { cause });
    }
    const sender = new SenderTrack(config.track, description, config.timescale);
    const old = this.#senders.get(key);
    if (old !== undefined && this.#isPublished(old)) this.#endTimeline("the encoder changed its configuration", out);
    for (const { frame } of old?.held ?? []) this.#countHeld(frame, -1);
    this.#records.set(key, config.record);
    this.#senders.set(key, sender);
  }

  #addFrame(frame: IngestFrame, nowMs: number, out: PassthroughOutput[]): void {
    const sender = this.#senders.get(trackKey(frame));
    if (sender === undefined) return;
    if (frame.data.length > PASSTHROUGH_LIMITS.frameBytes)
      throw new PassthroughError("too-large", `A frame of ${frame.data.length} bytes is over the limit.`);
    const clock = sender.observe(frame, nowMs);
    if (clock === "fast") {
      const sentence = "The sender runs faster than real time; let it read its input at its own rate (FFmpeg: -re).";
      throw new PassthroughError("too-fast", sentence);
    }
    if (clock === "jump") this.#restartClock(sender, out);
    this.#judge(sender, frame, out);
    // A track that comes after the others needs a timeline that has it.
    if (this.#planned.length > 0 && this.#isMissing(sender)) this.#endTimeline("another track has come", out);
    if (this.#planned.length > 0) this.#emitFrame(sender, frame, out);
    else {
      this.#hold(sender, frame, nowMs);
      this.#tryBegin(nowMs, out);
    }
  }

  /** The sender's clock has jumped: media time relates to program time in another way. */
  #restartClock(sender: SenderTrack, out: PassthroughOutput[]): void {
    this.#programOffsetMs = null;
    if (this.#planned.length > 0) {
      if (this.#isPublished(sender)) this.#endTimeline("the sender's timestamps have jumped", out);
      return;
    }
    for (const { frame } of sender.held) this.#countHeld(frame, -1);
    sender.clear();
  }

  /** The largest picture is judged; its decision is the sender's. */
  #judge(sender: SenderTrack, frame: IngestFrame, out: PassthroughOutput[]): void {
    if (sender.inspector === null || this.#decision.kind !== "undecided") return;
    const decision = sender.inspector.push(frame);
    const isRefusal = decision.kind === "transcode";
    if (decision.kind === "undecided" || (!isRefusal && sender !== this.#leader())) return;
    this.#decision = decision;
    out.push({ kind: "decision", decision });
  }

  #leader(): SenderTrack | undefined {
    let leader: SenderTrack | undefined;
    for (const sender of this.#senders.values()) if (areaOf(sender) > areaOf(leader)) leader = sender;
    return leader;
  }

  #isPublished(sender: SenderTrack): boolean {
    return this.#planned.some((each) => each.sender === sender);
  }

  /** Whether the open timeline lacks audio that has now come. */
  #isMissing(sender: SenderTrack): boolean {
    return sender.description.media === "audio" && !this.#isPublished(sender);
  }

  #hold(sender: SenderTrack, frame: IngestFrame, nowMs: number): void {
    this.#waitingSinceMs ??= nowMs;
    this.#countHeld(frame, 1);
    if (this.#heldFrames > PASSTHROUGH_LIMITS.heldFrames || this.#heldBytes > PASSTHROUGH_LIMITS.heldBytes)
      throw new PassthroughError("no-media", "The sender has sent no keyframe for too long.");
    sender.hold(frame, nowMs);
  }

  #countHeld(frame: IngestFrame, sign: 1 | -1): void {
    this.#heldFrames += sign;
    this.#heldBytes += sign * frame.data.length;
  }

  /** Begins a timeline once its tracks are known, media time is related to the clock, and a keyframe has come. */
  #tryBegin(nowMs: number, out: PassthroughOutput[]): void {
    const waitedMs = nowMs - (this.#waitingSinceMs ?? nowMs);
    const sending = [...this.#senders.values()].filter(({ held }) => held.length > 0);
    const pictures = sending.filter(({ description }) => description.media === "video");
    const leader = this.#leader();
    if (leader !== undefined && areaOf(leader) > 0) {
      if (!leader.held.some(({ frame }) => frame.sync)) return;
      if (this.#decision.kind !== "passthrough" && this.#mustBeJudged(leader)) return;
    }
    const { settleMs, resumeSettleMs } = PASSTHROUGH_LIMITS;
    const neededMs = this.#previous.length > 0 ? resumeSettleMs : settleMs;
    if (this.#programOffsetMs === null && waitedMs < neededMs) return;
    const isPatient = waitedMs < PASSTHROUGH_LIMITS.trackWaitMs;
    const hasSound = sending.length > pictures.length;
    if (isPatient && ((pictures.length === 0 && this.#mayComeStill("width")) || (!hasSound && this.#isSoundDue())))
      return;
    const programOffsetMs = this.#programOffsetMs ?? Math.min(...sending.map(({ leastDelayMs }) => leastDelayMs));
    if (!this.#dropLate(sending, leader, programOffsetMs)) return;
    const planned = planTimeline(sending, this.#metadata, this.#previous);
    const tracks = planned.map(({ track }) => track);
    this.#programOffsetMs = programOffsetMs;
    this.#planned = planned;
    this.#previous = tracks;
    const startsAtMs = programOffsetMs + (planned[0]?.sender.firstSyncMs ?? 0);
    out.push({ kind: "begin", tracks, programOffsetMs, startsAtMs });
    const waiting = sending
      .flatMap((sender) => sender.held.map(({ frame, arrivalMs }) => ({ sender, frame, arrivalMs })))
      .sort((a, b) => a.arrivalMs - b.arrivalMs);
    for (const sender of sending) sender.clear();
    this.#heldFrames = 0;
    this.#heldBytes = 0;
    this.#waitingSinceMs = null;
    for (const { sender, frame } of waiting) this.#emitFrame(sender, frame, out);
  }

  /** Whether no timeline begins before the pictures are judged; one that continues another is not waited for. */
  #mustBeJudged(leader: SenderTrack): boolean {
    if (this.#options.mustBeJudged) return true;
    if (this.#previous.length > 0) return false;
    return leader.inspector?.isDoubtful(leader.typicalFrameMs ?? 0) === true;
  }

  /** Frames from long before the end of a slate are dropped, up to a keyframe. Whether a timeline can begin with the rest. */
  #dropLate(sending: readonly SenderTrack[], leader: SenderTrack | undefined, programOffsetMs: number): boolean {
    const notBeforeMs = this.#options.notBeforeMs?.() ?? null;
    const first = leader ?? sending[0];
    if (notBeforeMs === null || first === undefined) return true;
    const earliestMs = notBeforeMs - PASSTHROUGH_LIMITS.lateMs - programOffsetMs;
    if ((first.firstSyncMs ?? Number.NEGATIVE_INFINITY) >= earliestMs) return true;
    for (const sender of sending) for (const frame of sender.dropBefore(earliestMs)) this.#countHeld(frame, -1);
    return first.firstSyncMs !== null;
  }

  /** Whether the sender may still send what it has not: it declared it, or declared nothing at all. */
  #mayComeStill(field: "width" | "audioBitsPerSecond"): boolean {
    return this.#metadata === null || this.#metadata[field] !== null;
  }

  /** A timeline that continues one with sound waits for sound, whatever the sender declares. */
  #isSoundDue(): boolean {
    return this.#previous.some(({ kind }) => kind === "audio") || this.#mayComeStill("audioBitsPerSecond");
  }

  #emitFrame(sender: SenderTrack, frame: IngestFrame, out: PassthroughOutput[]): void {
    const planned = this.#planned.find((each) => each.sender === sender);
    if (planned === undefined) return;
    const complete = planned.output.push(frame);
    if (complete !== null) out.push({ kind: "frame", track: planned.track.name, frame: complete });
    if (planned === this.#planned[0]) this.#declareSilence(planned, out);
  }

  /** Sound that stays away must not hold the picture. */
  #declareSilence(leader: PlannedTrack, out: PassthroughOutput[]): void {
    const { endS, startS } = leader.output;
    for (const { track, output } of this.#planned) {
      if (track.kind !== "audio" || track === leader.track) continue;
      if (endS - Math.max(output.endS, startS) <= PASSTHROUGH_LIMITS.silenceS) continue;
      const last = output.flush();
      if (last !== null) out.push({ kind: "frame", track: track.name, frame: last });
      const untilTicks = output.declareSilence(endS - PASSTHROUGH_LIMITS.silenceMarginS);
      out.push({ kind: "silence", track: track.name, untilTicks });
    }
  }

  #endTimeline(reason: string, out: PassthroughOutput[]): void {
    for (const { track, output } of this.#planned) {
      const last = output.flush();
      if (last !== null) out.push({ kind: "frame", track: track.name, frame: last });
    }
    this.#planned = [];
    out.push({ kind: "end", reason });
  }
}

function trackKey({ media, track }: { readonly media: string; readonly track: number }): string {
  return `${media}${track}`;
}

function areaOf(sender: SenderTrack | undefined): number {
  const description = sender?.description;
  return description?.media === "video" ? description.width * description.height : 0;
}
