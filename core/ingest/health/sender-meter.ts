/** What the media of one connection tells: its tracks' meters, and how they relate to each other and to the clock. */
import { toNumber } from "../../kit/rational.ts";
import { CodecConfigError } from "../codecs/codec-error.ts";
import { describeTrack } from "../codecs/describe-track.ts";
import { isSilentAudio } from "../codecs/silent-audio.ts";
import type { AudioTrackDescription, VideoTrackDescription } from "../codecs/track-description.ts";
import type { IngestEvent, IngestFrame, IngestMetadata, IngestTrackConfig } from "../media-event.ts";
import { hasDecodableLeading } from "../nal/leading-pictures.ts";
import { readBroadcastMetrics } from "../obs/broadcast-metrics.ts";
import { DriftMeter } from "./drift-meter.ts";
import { EncoderMeter } from "./encoder-meter.ts";
import { GroupMeter } from "./group-meter.ts";
import { HEALTH_LIMITS, HEALTH_THRESHOLDS } from "./health-limits.ts";
import { SoundMeter } from "./sound-meter.ts";
import { TrackMeter, type WindowSums } from "./track-meter.ts";

/** A measured video track. */
export interface MeasuredVideo {
  description: VideoTrackDescription;
  readonly timescale: number;
  readonly meter: TrackMeter;
  readonly groups: GroupMeter;
}

/** A measured audio track. */
interface MeasuredAudio {
  description: AudioTrackDescription;
  readonly timescale: number;
  readonly meter: TrackMeter;
}

/** Times over which a sender is measured. */
const METER_WINDOWS = {
  /** The first seconds of a connection may arrive in a burst. */
  settleMs: 2_000,
  /** Lead over real time is measured against the clock this long ago. */
  leadMs: 120_000,
  /** Windows in seconds: of the tracks' difference, and of the lead. */
  offsetS: 10,
  leadS: 3,
} as const;

/** The meter of one connection. Times of arrival never go back. */
export class SenderMeter {
  readonly #videos = new Map<number, MeasuredVideo>();
  #audio: MeasuredAudio | null = null;
  #metadata: IngestMetadata | null = null;
  readonly #offsetDrift = new DriftMeter();
  readonly #lagDrift = new DriftMeter();
  /** What the encoder says of itself with the largest picture. */
  readonly encoder: EncoderMeter = new EncoderMeter();
  readonly sound: SoundMeter = new SoundMeter(HEALTH_THRESHOLDS.silence.dbfs);
  #driftMs: number | null = null;
  /** Least lag while the connection settles, and since when. */
  #settling = { sinceMs: Number.POSITIVE_INFINITY, lagMs: Number.POSITIVE_INFINITY };
  /** The last jump of timestamps, and the last change of size. */
  jump: { readonly jumpMs: number; readonly atMs: number } | null = null;
  sizeChange: { readonly before: string; readonly after: string; readonly atMs: number } | null = null;
  /** Why a track cannot be read. */
  codecProblem: { readonly media: "video" | "audio"; readonly detail: string } | null = null;

  get videos(): readonly MeasuredVideo[] {
    return [...this.#videos.values()];
  }

  get audio(): MeasuredAudio | null {
    return this.#audio;
  }

  /** The video track with the largest picture. */
  get leader(): MeasuredVideo | null {
    let leader: MeasuredVideo | null = null;
    const area = ({ description }: MeasuredVideo): number => description.width * description.height;
    for (const video of this.#videos.values()) if (leader === null || area(video) > area(leader)) leader = video;
    return leader;
  }

  /** The meter of the leading picture, or of the sound if there is none. */
  get main(): TrackMeter | null {
    return this.leader?.meter ?? this.#audio?.meter ?? null;
  }

  /** Frames per second that the sender or its picture declares, or null. */
  get declaredFrameRate(): number | null {
    const inRecord = this.leader?.description.frameRate ?? null;
    const rate = this.#metadata?.frameRate ?? (inRecord === null ? null : toNumber(inRecord));
    return rate !== null && rate >= 1 && rate <= 240 ? rate : null;
  }

  push(event: IngestEvent, nowMs: number): void {
    if (event.kind === "metadata") this.#metadata = event;
    else if (event.kind === "config") this.#configure(event, nowMs);
    else this.#addFrame(event, nowMs);
  }

  /** Takes the points of drift that are due. To be called about once a second. */
  tick(nowMs: number): void {
    const firstMs = this.main?.firstMs ?? null;
    if (firstMs === null) return;
    this.#driftMs ??= firstMs;
    if (nowMs - this.#driftMs < HEALTH_LIMITS.driftStepMs) return;
    this.#driftMs = nowMs;
    const offsetMs = this.offsetMs(nowMs);
    if (offsetMs !== null) this.#offsetDrift.add(nowMs, offsetMs);
    const lagMs = this.main?.sums(METER_WINDOWS.offsetS, nowMs).leastLagMs;
    if (lagMs !== undefined) this.#lagDrift.add(nowMs, lagMs);
  }

  /** Sums of a meter over `count` whole seconds; null until it has been measured for as long. */
  sums(meter: TrackMeter | null, count: number, nowMs: number): WindowSums | null {
    if (meter === null || meter.firstMs === null) return null;
    return Math.floor(nowMs / 1000) - count >= meter.firstMs / 1000 ? meter.sums(count, nowMs) : null;
  }

  /** Bits per second of all tracks in each of `count` whole seconds; null until it has been measured for as long. */
  bitsBySecond(count: number, nowMs: number): number[] | null {
    if (this.sums(this.main, count, nowMs) === null) return null;
    const meters = [...this.videos.map(({ meter }) => meter), ...(this.#audio === null ? [] : [this.#audio.meter])];
    const series = meters.map((meter) => meter.bytesBySecond(count, nowMs));
    return Array.from({ length: count }, (_, i) => 8 * series.reduce((sum, each) => sum + (each[i] ?? 0), 0));
  }

  /**
   * By how many milliseconds the sound is behind the picture: of the two timelines, which arrives the later for its
   * timestamps. A sender that holds frames back to send them in the order of timestamps hides it. Null if unknown.
   */
  offsetMs(nowMs: number): number | null {
    const picture = this.sums(this.leader?.meter ?? null, METER_WINDOWS.offsetS, nowMs);
    const sound = this.sums(this.#audio?.meter ?? null, METER_WINDOWS.offsetS, nowMs);
    if (picture === null || sound === null) return null;
    const offsetMs = picture.leastLagMs - sound.leastLagMs;
    return Number.isFinite(offsetMs) ? offsetMs : null;
  }

  /** Milliseconds a minute by which the sound falls behind, as far as is certain; null until it is known. */
  offsetDriftMsPerMinute(): number | null {
    const slope = this.#offsetDrift.certainSlope();
    return slope === null ? null : 60_000 * slope;
  }

  /** Millionths by which the sender's clock is fast, as far as is certain; null until it is known. */
  clockPpm(): number | null {
    const slope = this.#lagDrift.certainSlope();
    return slope === null ? null : -1e6 * slope;
  }

  /** How far media time has advanced beyond real time in the last two minutes, milliseconds; null if unknown. */
  leadMs(nowMs: number): number | null {
    const lagMs = this.sums(this.main, METER_WINDOWS.leadS, nowMs)?.leastLagMs;
    const before = this.#lagDrift.valueAt(nowMs, METER_WINDOWS.leadMs);
    const beforeMs = nowMs - this.#settling.sinceMs < METER_WINDOWS.leadMs ? this.#settling.lagMs : before;
    return lagMs === undefined || beforeMs === null || !Number.isFinite(lagMs) ? null : beforeMs - lagMs;
  }

  #configure(config: IngestTrackConfig, nowMs: number): void {
    const { media, track, timescale } = config;
    if (track >= HEALTH_LIMITS.tracks || (media === "audio" && track > 0)) return;
    try {
      const description = describeTrack(config);
      if (this.codecProblem?.media === media) this.codecProblem = null;
      if (description.media === "video") this.#configureVideo(track, timescale, description, nowMs);
      else if (this.#audio?.timescale === timescale) this.#audio.description = description;
      else this.#audio = { description, timescale, meter: new TrackMeter(timescale, false) };
    } catch (error) {
      if (!(error instanceof CodecConfigError)) throw error;
      this.codecProblem = { media, detail: error.message };
    }
  }

  #configureVideo(track: number, timescale: number, description: VideoTrackDescription, nowMs: number): void {
    const known = this.#videos.get(track);
    if (known !== undefined) {
      const [before, after] = [sizeOf(known.description), sizeOf(description)];
      if (before !== after) this.sizeChange = { before, after, atMs: nowMs };
      known.description = description;
      if (known.timescale === timescale) return;
    }
    const isClosed = (data: Uint8Array): boolean => hasDecodableLeading(description.codec, data);
    const meter = new TrackMeter(timescale, track === 0);
    this.#videos.set(track, { description, timescale, meter, groups: new GroupMeter(timescale, isClosed) });
  }

  #addFrame(frame: IngestFrame, nowMs: number): void {
    const video = frame.media === "video" ? this.#videos.get(frame.track) : undefined;
    const audio = frame.media === "audio" && frame.track === 0 ? this.#audio : null;
    const measured = video ?? audio;
    if (measured === null) return;
    if (audio !== null) this.sound.pushFrame(isSilentAudio(audio.description.codec, frame.data), nowMs);
    const jumpMs = measured.meter.push(frame, nowMs);
    if (jumpMs !== 0) {
      this.jump = { jumpMs, atMs: nowMs };
      video?.groups.reset();
      this.#offsetDrift.clear();
      this.#lagDrift.clear();
      this.#settling = { sinceMs: Number.POSITIVE_INFINITY, lagMs: Number.POSITIVE_INFINITY };
    }
    video?.groups.push(frame);
    if (frame.sync && video !== undefined && video === this.leader) this.#readMetrics(video, frame.data, nowMs);
    if (measured.meter === this.main) this.#settle(nowMs - (1000 * frame.dts) / measured.timescale, nowMs);
  }

  #readMetrics({ description }: MeasuredVideo, data: Uint8Array, nowMs: number): void {
    const metrics = readBroadcastMetrics(description.codec, data);
    if (metrics !== null) this.encoder.push(metrics, nowMs);
  }

  #settle(lagMs: number, nowMs: number): void {
    const settling = this.#settling;
    settling.sinceMs = Math.min(settling.sinceMs, nowMs);
    if (nowMs - settling.sinceMs < METER_WINDOWS.settleMs) settling.lagMs = Math.min(settling.lagMs, lagMs);
  }
}

const sizeOf = ({ width, height }: VideoTrackDescription): string => `${width}×${height}`;
