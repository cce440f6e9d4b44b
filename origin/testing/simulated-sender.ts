/** A simulated sender: events as RTMP delivers them, with whole milliseconds. */
import type { IngestEvent, IngestFrame, IngestTrackConfig } from "../../core/ingest/media-event.ts";
import { audioSpecificConfig, boxBody, encodeTrack } from "./encoded-track.ts";

const records = new Map<string, Uint8Array>();

/** The `avcC` of a picture of this size. */
function avcRecord(size: string): Uint8Array {
  const known = records.get(size);
  if (known !== undefined) return known;
  const options = `-f lavfi -i testsrc2=size=${size}:rate=30 -t 0.1 -c:v libx264 -preset ultrafast -profile:v baseline`;
  const record = boxBody(encodeTrack(options).init, "avcC");
  records.set(size, record);
  return record;
}

/** The AudioSpecificConfig of AAC-LC, 48 kHz, stereo. */
function aacRecord(): Uint8Array {
  const known =
    records.get("aac") ?? audioSpecificConfig(encodeTrack("-f lavfi -i sine=r=48000 -t 0.1 -c:a aac -ac 2").init);
  records.set("aac", known);
  return known;
}

/** Tracks of a simulated sender. */
export interface SimulatedSender {
  /** Sizes of its video tracks. */
  readonly sizes: readonly string[];
  readonly fps: number;
  /** Frames between keyframes. */
  readonly gop: number;
  readonly hasAudio: boolean;
}

/** Configuration events of `sender`. */
export function senderConfigs({ sizes, hasAudio }: Pick<SimulatedSender, "sizes" | "hasAudio">): IngestTrackConfig[] {
  const config = { kind: "config", timescale: 1000 } as const;
  const videos = sizes.map(
    (size, track) => ({ ...config, track, media: "video", codec: "h264", record: avcRecord(size) }) as const,
  );
  return hasAudio ? [...videos, { ...config, track: 0, media: "audio", codec: "aac", record: aacRecord() }] : videos;
}

/** Frames of `sender` from `fromS` to `untilS` of its media time, in order of arrival. */
export function senderFrames(sender: SimulatedSender, fromS: number, untilS: number): IngestFrame[] {
  const { sizes, fps, gop, hasAudio } = sender;
  const frames: IngestFrame[] = [];
  const data = new Uint8Array(900).fill(7);
  for (let i = Math.ceil(fromS * fps); i / fps < untilS; i += 1) {
    const dts = Math.floor((i * 1000) / fps);
    for (const track of sizes.keys())
      frames.push({ kind: "frame", media: "video", track, dts, ctsOffset: 0, sync: i % gop === 0, data });
  }
  for (let i = Math.ceil((fromS * 48_000) / 1024); hasAudio && (i * 1024) / 48_000 < untilS; i += 1) {
    const dts = Math.floor((i * 1024) / 48);
    frames.push({ kind: "frame", media: "audio", track: 0, dts, ctsOffset: 0, sync: true, data: data.subarray(0, 90) });
  }
  return frames.sort((a, b) => a.dts - b.dts);
}

/** An event with its time of arrival, milliseconds. */
export interface ArrivingEvent {
  readonly event: IngestEvent;
  readonly atMs: number;
}

/** The events of `sender` as they arrive, if media time 0 arrives at `startMs`. */
export function arrivingEvents(sender: SimulatedSender, startMs: number, untilS: number): ArrivingEvent[] {
  const configs = senderConfigs(sender).map((event) => ({ event, atMs: startMs }));
  return [...configs, ...senderFrames(sender, 0, untilS).map((event) => ({ event, atMs: startMs + event.dts }))];
}
