/** Synthetic senders for the tests of health checks. */
import { concatBytes } from "../../kit/bytes.ts";
import type { IngestEvent, IngestFrame, IngestTrackConfig } from "../media-event.ts";
import { joinWithLengths } from "../nal/annex-b.ts";
import { metricsMessages, pictureWithMessages, type WrittenMetrics } from "../obs/testing.ts";
import type { HealthChange, HealthCheckId } from "./health-check.ts";
import type { HealthMonitor } from "./health-monitor.ts";
import type { TransportSample } from "./link-meter.ts";

/** A sender: times in milliseconds, rates per second. */
export interface SyntheticSender {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Frames between keyframes. */
  readonly gop: number;
  readonly bitsPerSecond: number;
  /** By how much the sound's timestamps are late, and by how much more each minute. */
  readonly audioOffsetMs: number;
  readonly audioDriftMsPerMinute: number;
  /** Millionths by which the sender's clock is fast. */
  readonly clockPpm: number;
  /** Pictures in a row that are shown before one decoded earlier. */
  readonly bFrames: number;
  /** Ticks per second; timestamps are rounded to them. */
  readonly timescale: number;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  /** When a frame that is captured at `captureMs` arrives. */
  readonly arrive: (captureMs: number, index: number) => number;
  /** Whether frame `index` is left out. */
  readonly skips: (index: number, media: "video" | "audio") => boolean;
}

/** What an ordinary encoder sends. */
export const CLEAN_SENDER: SyntheticSender = {
  ...{ width: 1920, height: 1080, fps: 30, gop: 60, bitsPerSecond: 6_000_000 },
  ...{ audioOffsetMs: 0, audioDriftMsPerMinute: 0, clockPpm: 0, bFrames: 0, timescale: 1_000 },
  ...{ hasVideo: true, hasAudio: true, arrive: (captureMs) => captureMs, skips: () => false },
};

/** Program time at which senders begin. */
export const START_MS = 1_760_000_000_000;

const AUDIO_FRAME_MS = 1_024 / 48;
const AUDIO_BYTES = 340;
const BYTES = new Uint8Array(2_000_000);

/** Writes the fields of a parameter set. */
class BitWriter {
  #bits = "";
  put(value: number, count: number): this {
    this.#bits += value.toString(2).padStart(count, "0");
    return this;
  }
  ue(value: number): this {
    const text = (value + 1).toString(2);
    this.#bits += "0".repeat(text.length - 1) + text;
    return this;
  }
  bytes(): number[] {
    const padded = `${this.#bits}1`.padEnd(8 * Math.ceil((this.#bits.length + 1) / 8), "0");
    return Array.from({ length: padded.length / 8 }, (_, i) => Number.parseInt(padded.slice(8 * i, 8 * i + 8), 2));
  }
}

/** The configuration event of an H.264 track; `shape` gives its format. */
export function videoConfig(
  { width, height, timescale }: Pick<SyntheticSender, "width" | "height" | "timescale">,
  track = 0,
  { chromaFormat = 1, isInterlaced = false }: { readonly chromaFormat?: number; readonly isInterlaced?: boolean } = {},
): IngestTrackConfig {
  const rows = 16 * Math.ceil(height / (isInterlaced ? 32 : 16)) * (isInterlaced ? 2 : 1);
  const cropY = (chromaFormat === 1 ? 2 : 1) * (isInterlaced ? 2 : 1);
  const bits = new BitWriter().put(122, 8).put(0, 8).put(40, 8).ue(0).ue(chromaFormat);
  if (chromaFormat === 3) bits.put(0, 1);
  bits.ue(0).ue(0).put(0, 2);
  bits.ue(0).ue(2).ue(1).put(0, 1);
  bits.ue(Math.ceil(width / 16) - 1).ue(rows / (isInterlaced ? 32 : 16) - 1);
  bits.put(isInterlaced ? 0 : 1, 1).put(0, isInterlaced ? 2 : 1);
  bits
    .put(1, 1)
    .ue(0)
    .ue(((16 - (width % 16)) % 16) / (chromaFormat === 3 ? 1 : 2))
    .ue(0);
  bits.ue((rows - height) / cropY).put(0, 1);
  const set = [0x67, ...bits.bytes()];
  const record = Uint8Array.of(1, 122, 0, 40, 0xff, 0xe1, set.length >> 8, set.length & 255, ...set, 0);
  return { kind: "config", media: "video", codec: "h264", track, timescale, record };
}

/** The configuration event of an AAC track. */
export function audioConfig(timescale: number, channels = 2): IngestTrackConfig {
  const record = Uint8Array.of(0x11, 0x80 | (channels << 3));
  return { kind: "config", media: "audio", codec: "aac", track: 0, timescale, record };
}

/** An event and its time of arrival. */
export interface TimedEvent {
  readonly event: IngestEvent;
  readonly atMs: number;
}

/** The events of a sender in order of arrival, `fromS` to `untilS` of its capture time. */
export function* syntheticEvents(sender: SyntheticSender, fromS: number, untilS: number): Generator<TimedEvent> {
  const { timescale, fps, hasVideo, hasAudio, arrive, skips, clockPpm } = sender;
  if (fromS === 0 && hasVideo) yield { event: videoConfig(sender), atMs: START_MS };
  if (fromS === 0 && hasAudio) yield { event: audioConfig(timescale), atMs: START_MS };
  let [picture, sound] = [Math.ceil(fromS * fps), Math.ceil((fromS * 1000) / AUDIO_FRAME_MS)];
  const toTicks = (ms: number): number => Math.round((ms * (1 + clockPpm / 1e6) * timescale) / 1000);
  for (;;) {
    const pictureMs = hasVideo ? (picture * 1000) / fps : Number.POSITIVE_INFINITY;
    const soundMs = hasAudio ? sound * AUDIO_FRAME_MS : Number.POSITIVE_INFINITY;
    const captureMs = Math.min(pictureMs, soundMs);
    if (captureMs >= 1000 * untilS) return;
    if (pictureMs <= soundMs) {
      const event = pictureFrame(sender, picture, toTicks);
      if (!skips(picture, "video")) yield { event, atMs: START_MS + arrive(captureMs, picture) };
      picture += 1;
    } else {
      const lateMs = sender.audioOffsetMs + (sender.audioDriftMsPerMinute * captureMs) / 60_000;
      const dts = toTicks(captureMs + lateMs + 1_000);
      const data = BYTES.subarray(0, AUDIO_BYTES);
      const event: IngestFrame = { kind: "frame", media: "audio", track: 0, dts, ctsOffset: 0, sync: true, data };
      if (!skips(sound, "audio")) yield { event, atMs: START_MS + arrive(captureMs, sound) };
      sound += 1;
    }
  }
}

/** Frame `index` in decode order; groups are closed. */
function pictureFrame(sender: SyntheticSender, index: number, toTicks: (ms: number) => number): IngestFrame {
  const { fps, gop, bFrames, bitsPerSecond } = sender;
  const inGroup = index % gop;
  // After the keyframe: a later picture, then the ones shown before it.
  const inRun = inGroup === 0 ? 0 : (inGroup - 1) % (bFrames + 1);
  const shown = inGroup === 0 ? index : inRun === 0 ? index + Math.min(bFrames, gop - 1 - inGroup) : index - 1;
  const dts = toTicks((index * 1000) / fps + 1_000);
  const ctsOffset = toTicks(((shown + Math.min(1, bFrames)) * 1000) / fps + 1_000) - dts;
  // A keyframe has four times the bytes of others.
  const bytes = bitsPerSecond / 8 / fps / (1 + 3 / gop);
  const data = BYTES.subarray(0, Math.round(inGroup === 0 ? 4 * bytes : bytes));
  return { kind: "frame", media: "video", track: 0, dts, ctsOffset, sync: inGroup === 0, data };
}

/** A change and when it came, milliseconds after `START_MS`. */
export interface TimedChange extends HealthChange {
  readonly afterMs: number;
}

/** Feeds events to a monitor, which is ticked every second; `onTick` comes before each tick, with milliseconds after the start. */
export function runMonitor(
  monitor: HealthMonitor,
  events: Iterable<TimedEvent>,
  untilS: number,
  onTick: (afterMs: number) => void = () => {},
): TimedChange[] {
  const changes: TimedChange[] = [];
  let tickMs = START_MS + 1_000;
  const tickUntil = (untilMs: number): void => {
    for (; tickMs <= untilMs; tickMs += 1_000) {
      onTick(tickMs - START_MS);
      const afterMs = tickMs - START_MS;
      for (const change of monitor.tick(tickMs)) changes.push({ ...change, afterMs });
    }
  };
  for (const { event, atMs } of events) {
    tickUntil(Math.min(atMs - 1e-6, START_MS + 1_000 * untilS));
    monitor.pushEvent(event, atMs);
  }
  tickUntil(START_MS + 1_000 * untilS);
  return changes;
}

/** Ids of what was raised. */
export function raisedIds(changes: readonly HealthChange[]): HealthCheckId[] {
  return changes.flatMap(({ kind, check }) => (kind === "raised" ? [check.id] : []));
}

/** The events of the clean sender, but for these members of its shape. */
export const cleanEvents = (untilS: number, shape: Partial<SyntheticSender> = {}): TimedEvent[] => [
  ...syntheticEvents({ ...CLEAN_SENDER, ...shape }, 0, untilS),
];

/** Events of several senders, in the order of their arrival. */
export const mergeEvents = (...all: readonly TimedEvent[][]): TimedEvent[] =>
  all.flat().sort((a, b) => a.atMs - b.atMs);

/** Packets of 100 a second, of which these shares are missing and lost. */
export function transportSample(
  afterMs: number,
  sample: Partial<TransportSample> & { missing?: number; lost?: number },
): TransportSample {
  const received = afterMs / 10;
  const { missing = 0, lost = 0, ...others } = sample;
  const packets = {
    received: Math.round(received),
    missing: Math.round(received * missing),
    repaired: Math.round(received * (missing - lost)),
    lost: Math.round(received * lost),
  };
  return { receivedBytes: afterMs, roundTripMs: 20, packets, ...others };
}

/** A sender whose keyframes tell these metrics, each `lateMs` after it was queued. */
export function eventsWithMetrics(
  untilS: number,
  told: Partial<WrittenMetrics>,
  lateMs: (afterMs: number) => number = () => 40,
): TimedEvent[] {
  return cleanEvents(untilS).map(({ event, atMs }) => {
    if (event.kind !== "frame" || event.media !== "video" || !event.sync) return { event, atMs };
    const queuedMs = atMs - lateMs(atMs - START_MS);
    const times = [queuedMs - 120, queuedMs - 100, queuedMs - 99, queuedMs] as const;
    const metrics = metricsMessages({ session: [60, 0, 0, 60], rendition: [60, 0, 60], ...told, times });
    const data = pictureWithMessages("h264", metrics);
    return { event: { ...event, data: concatBytes([data, joinWithLengths([event.data])]) }, atMs };
  });
}
