/** Puts sound and picture of one sender, whose RTP clocks have nothing in common, on one timeline. */
import { RTP_LIMITS } from "./limits.ts";
import { TimestampUnwrapper32 } from "./rtp-packet.ts";
import type { ClockPoint } from "./source-report.ts";

/** Ticks per second of video over RTP, and of Opus (RFC 7587 §4.1). */
export const VIDEO_CLOCK = 90_000;
export const AUDIO_CLOCK = 48_000;

/** A step of the picture towards its place: at most this share of the time since the picture before. */
const SLEW_SHARE = 0.2;

/**
 * The track that comes first is the timeline; the other one begins at its time of arrival. As soon as sender reports of both
 * tell how their clocks relate, the picture moves to its place in steps that nobody sees. Sound never moves: it has no gaps.
 */
export class SessionClock {
  #audio = new TimestampUnwrapper32();
  #video = new TimestampUnwrapper32();
  /** Arrival and media time of the first frame of all, milliseconds and seconds. */
  #origin: { readonly arrivalMs: number; readonly mediaS: number } | null = null;
  /** Media time of RTP time 0, seconds; null before the track's first frame. */
  #audioOffsetS: number | null = null;
  #videoOffsetS: number | null = null;
  #lastVideoTicks: number | null = null;

  /** Decode time of sound, ticks of `AUDIO_CLOCK`. */
  audioTime(timestamp: number, arrivalMs: number): number {
    const ticks = this.#audio.unwrap(timestamp);
    this.#audioOffsetS ??= this.#place(ticks / AUDIO_CLOCK, arrivalMs);
    return ticks + Math.round(this.#audioOffsetS * AUDIO_CLOCK);
  }

  /** Decode time of a picture, ticks of `VIDEO_CLOCK`; `audio` and `video` are those of the last sender reports. */
  videoTime(timestamp: number, arrivalMs: number, audio: ClockPoint | null, video: ClockPoint | null): number {
    const ticks = this.#video.unwrap(timestamp);
    const stepS = this.#lastVideoTicks === null ? 0 : Math.max(0, (ticks - this.#lastVideoTicks) / VIDEO_CLOCK);
    this.#lastVideoTicks = ticks;
    const placedS = this.#videoOffsetS ?? this.#place(ticks / VIDEO_CLOCK, arrivalMs);
    const offS = this.#offBy(placedS, audio, video);
    const mostS = SLEW_SHARE * stepS;
    this.#videoOffsetS = placedS + Math.max(-mostS, Math.min(mostS, offS));
    return ticks + Math.round(this.#videoOffsetS * VIDEO_CLOCK);
  }

  /** Seconds by which the picture has to move; 0 while it is not known. */
  #offBy(placedS: number, audio: ClockPoint | null, video: ClockPoint | null): number {
    if (audio === null || video === null || this.#audioOffsetS === null) return 0;
    // Both reports tell the NTP time of RTP time 0.
    const audioNtpS = audio.ntpS - this.#audio.peek(audio.timestamp) / AUDIO_CLOCK;
    const videoNtpS = video.ntpS - this.#video.peek(video.timestamp) / VIDEO_CLOCK;
    const offS = this.#audioOffsetS + (videoNtpS - audioNtpS) - placedS;
    return Math.abs(offS) <= RTP_LIMITS.offsetS ? offS : 0;
  }

  /** The track's RTP clock has begun anew: it is placed by arrival again. */
  restart(media: "audio" | "video"): void {
    if (media === "audio") {
      this.#audio = new TimestampUnwrapper32();
      this.#audioOffsetS = null;
    } else {
      this.#video = new TimestampUnwrapper32();
      this.#videoOffsetS = null;
      this.#lastVideoTicks = null;
    }
  }

  #place(rtpS: number, arrivalMs: number): number {
    this.#origin ??= { arrivalMs, mediaS: rtpS };
    return this.#origin.mediaS + (arrivalMs - this.#origin.arrivalMs) / 1_000 - rtpS;
  }
}
