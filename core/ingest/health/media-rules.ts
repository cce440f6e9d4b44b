/** Rules of rates, formats and the relation of sound and picture. */
import type { VideoTrackDescription } from "../codecs/track-description.ts";
import { HEALTH_LIMITS, HEALTH_THRESHOLDS as LIMIT } from "./health-limits.ts";
import { type HealthRule, healthReading, severityAbove } from "./health-rule.ts";
import { HEALTH_SENTENCES as SAY } from "./health-sentences.ts";

/** A track that has sent within this time is there. */
const PRESENT_MS = 2_000;
const CHROMA_NAMES: readonly string[] = ["grey", "4:2:0", "4:2:2", "4:4:4"];

/** The rules. */
export const MEDIA_RULES: readonly HealthRule[] = [
  {
    id: "starved",
    forMs: 5_000,
    read: ({ sender, link, nowMs }) => {
      const sums = sender.sums(sender.main, 5, nowMs);
      if (sums === null || link.silentMs(nowMs) >= LIMIT.noDataMs) return null;
      const share = sums.mediaMs / 5_000;
      if (share >= LIMIT.starvedShare) return null;
      const arriving = mean(sender.bitsBySecond(5, nowMs) ?? []);
      return healthReading("error", share, LIMIT.starvedShare, SAY.starved(share, arriving));
    },
  },
  {
    id: "bitrate-high",
    forMs: 10_000,
    read: ({ sender, nowMs, policy: { maxBitsPerSecond, hardBitsPerSecond } }) => {
      const bits = sender.bitsBySecond(5, nowMs);
      if (bits === null) return null;
      const above = severityAbove(mean(bits), {
        ...(maxBitsPerSecond === null ? {} : { warning: maxBitsPerSecond }),
        ...(hardBitsPerSecond === null ? {} : { error: hardBitsPerSecond }),
      });
      if (above === null) return null;
      const sentence = SAY.bitrateHigh(mean(bits), maxBitsPerSecond ?? above.limit);
      return healthReading(above.severity, mean(bits), above.limit, sentence);
    },
  },
  {
    id: "bitrate-low",
    forMs: 10_000,
    read: ({ sender, nowMs }) => {
      const { leader } = sender;
      const sums = sender.sums(leader?.meter ?? null, 10, nowMs);
      // Fewer seconds of media than of time are another check's matter.
      if (leader === null || sums === null || sums.mediaMs < 10_000 * LIMIT.starvedShare) return null;
      const rate = (1000 * sums.frames) / sums.mediaMs;
      const floor = bitrateFloor(leader.description, rate);
      const bits = (8_000 * sums.bytes) / sums.mediaMs;
      if (bits >= floor) return null;
      const { width, height } = leader.description;
      const picture = `${Math.min(width, height)}p${Math.round(rate)}`;
      return healthReading("warning", bits, floor, SAY.bitrateLow(bits, picture, floor));
    },
  },
  {
    id: "bitrate-unsteady",
    forMs: 30_000,
    read: ({ sender, nowMs }) => {
      const bits = sender.bitsBySecond(30, nowMs)?.toSorted((a, b) => a - b);
      if (bits === undefined) return null;
      const [median = 0, high = 0] = [bits[15], bits[28]];
      const ratio = high / median;
      if (median === 0 || !(ratio > LIMIT.unsteadyRatio)) return null;
      return healthReading("info", ratio, LIMIT.unsteadyRatio, SAY.bitrateUnsteady(bits[1] ?? 0, high));
    },
  },
  {
    id: "frames-dropped",
    forMs: 10_000,
    read: ({ sender, nowMs }) => {
      const sums = sender.sums(sender.leader?.meter ?? null, 10, nowMs);
      if (sums === null || sums.frames === 0) return null;
      const share = sums.missing / (sums.frames + sums.missing);
      const above = severityAbove(share, LIMIT.droppedShare);
      return above === null ? null : healthReading(above.severity, share, above.limit, SAY.framesDropped(share));
    },
  },
  {
    id: "frame-rate-low",
    forMs: 10_000,
    read: ({ sender, nowMs }) => {
      const sums = sender.sums(sender.leader?.meter ?? null, 10, nowMs);
      const declared = sender.declaredFrameRate;
      if (sums === null || declared === null || sums.mediaMs < 5_000) return null;
      const rate = (1000 * sums.frames) / sums.mediaMs;
      const least = LIMIT.frameRateShare * declared;
      return rate >= least ? null : healthReading("warning", rate, least, SAY.frameRateLow(rate, declared));
    },
  },
  {
    id: "frame-rate-high",
    forMs: 5_000,
    read: ({ sender, nowMs }) => {
      const sums = sender.sums(sender.leader?.meter ?? null, 5, nowMs);
      if (sums === null || sums.mediaMs < 2_500) return null;
      const rate = (1000 * sums.frames) / sums.mediaMs;
      // A window of whole seconds has up to a frame more.
      if (rate <= LIMIT.framesPerSecond + 1) return null;
      return healthReading("info", rate, LIMIT.framesPerSecond, SAY.frameRateHigh(rate));
    },
  },
  {
    id: "resolution-changed",
    forMs: 0,
    read: ({ sender: { sizeChange }, nowMs }) => {
      if (sizeChange === null || nowMs - sizeChange.atMs >= HEALTH_LIMITS.eventMs) return null;
      return healthReading("warning", 1, 0, SAY.resolutionChanged(sizeChange.before, sizeChange.after));
    },
  },
  {
    id: "codec-unsupported",
    forMs: 0,
    read: ({ sender: { codecProblem }, refusedFor }) => {
      if (codecProblem === null && refusedFor !== "codec-unsupported") return null;
      const { media = "video", detail = "its codec is unknown" } = codecProblem ?? {};
      return healthReading("error", 1, 0, SAY.codecUnsupported(media, detail));
    },
  },
  {
    id: "profile-unsupported",
    forMs: 0,
    read: ({ sender }) => {
      const unfit = sender.videos.find(({ description }) => !isPlayable(description));
      if (unfit === undefined) return null;
      const { chromaFormat, bitDepth } = unfit.description;
      const format = `${CHROMA_NAMES[chromaFormat] ?? "an unknown format"} with ${bitDepth} bits`;
      return healthReading("error", bitDepth, 8, SAY.profileUnsupported(format));
    },
  },
  {
    id: "interlaced",
    forMs: 0,
    read: ({ sender }) =>
      sender.videos.some(({ description }) => description.isInterlaced)
        ? healthReading("error", 1, 0, SAY.interlaced())
        : null,
  },
  {
    id: "video-missing",
    forMs: 0,
    ownMs: LIMIT.missingTrackMs,
    read: ({ sender: { audio, videos }, nowMs }) => {
      const missingMs = missingFor(
        audio?.meter,
        videos.map(({ meter }) => meter),
        nowMs,
      );
      if (missingMs < LIMIT.missingTrackMs) return null;
      return healthReading("error", missingMs, LIMIT.missingTrackMs, SAY.videoMissing(missingMs));
    },
  },
  {
    id: "audio-missing",
    forMs: 0,
    ownMs: LIMIT.missingTrackMs,
    read: ({ sender: { audio, leader }, nowMs }) => {
      const missingMs = missingFor(leader?.meter, audio === null ? [] : [audio.meter], nowMs);
      if (missingMs < LIMIT.missingTrackMs) return null;
      return healthReading("warning", missingMs, LIMIT.missingTrackMs, SAY.audioMissing(missingMs));
    },
  },
  {
    id: "audio-silent",
    forMs: 0,
    ownMs: LIMIT.silence.ms,
    read: ({ sender, nowMs }) => {
      const silentMs = sender.sound.silentMs(nowMs);
      if (silentMs < LIMIT.silence.ms) return null;
      return healthReading("warning", silentMs, LIMIT.silence.ms, SAY.audioSilent(silentMs));
    },
  },
  {
    id: "audio-clipping",
    forMs: 10_000,
    read: ({ sender, nowMs }) => {
      const share = sender.sound.clippedShare(nowMs) ?? 0;
      if (share <= LIMIT.clippedShare) return null;
      return healthReading("info", share, LIMIT.clippedShare, SAY.audioClipping(share));
    },
  },
  {
    id: "audio-channels",
    forMs: 0,
    read: ({ sender: { audio } }) => {
      const channels = audio?.description.channels ?? 0;
      if (channels <= LIMIT.channels) return null;
      return healthReading("warning", channels, LIMIT.channels, SAY.audioChannels(channels));
    },
  },
  {
    id: "av-offset",
    forMs: 10_000,
    read: ({ sender, nowMs }) => {
      const offsetMs = sender.offsetMs(nowMs);
      if (offsetMs === null) return null;
      const { early, late, error } = LIMIT.offsetMs;
      const above = severityAbove(Math.abs(offsetMs), { warning: offsetMs < 0 ? early : late, error });
      return above === null ? null : healthReading(above.severity, offsetMs, above.limit, SAY.avOffset(offsetMs));
    },
  },
  {
    id: "av-drift",
    forMs: 0,
    ownMs: HEALTH_LIMITS.driftPoints * HEALTH_LIMITS.driftStepMs,
    read: ({ sender }) => {
      const drift = sender.offsetDriftMsPerMinute();
      if (drift === null || Math.abs(drift) <= LIMIT.driftMsPerMinute) return null;
      return healthReading("warning", drift, LIMIT.driftMsPerMinute, SAY.avDrift(drift));
    },
  },
  {
    id: "clock-drift",
    forMs: 0,
    ownMs: HEALTH_LIMITS.driftPoints * HEALTH_LIMITS.driftStepMs,
    read: ({ sender }) => {
      const ppm = sender.clockPpm();
      if (ppm === null || Math.abs(ppm) <= LIMIT.clockPpm) return null;
      return healthReading("info", ppm, LIMIT.clockPpm, SAY.clockDrift(ppm));
    },
  },
];

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Browsers decode H.264 of 8 bits with 4:2:0 only. */
function isPlayable({ codec, chromaFormat, bitDepth }: VideoTrackDescription): boolean {
  return chromaFormat === 1 && bitDepth <= (codec === "h264" ? 8 : 10);
}

/** Bits per second below which a picture looks blocky; 0 for small ones. */
function bitrateFloor({ width, height, codec }: VideoTrackDescription, rate: number): number {
  const side = Math.min(width, height);
  const floor = LIMIT.floors.find((each) => side >= each.height && rate >= each.framesPerSecond);
  return (floor?.bitsPerSecond ?? 0) * (codec === "h264" ? 1 : LIMIT.efficientCodecShare);
}

/** How long `others` have sent nothing while `present` sends, milliseconds. */
function missingFor(
  present: { readonly firstMs: number | null; readonly lastMs: number | null } | undefined,
  others: readonly { readonly lastMs: number | null }[],
  nowMs: number,
): number {
  if (present === undefined || present.firstMs === null || nowMs - (present.lastMs ?? 0) > PRESENT_MS) return 0;
  return nowMs - others.reduce((latest, { lastMs }) => Math.max(latest, lastMs ?? 0), present.firstMs);
}
