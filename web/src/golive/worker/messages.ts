/** What the page and its publishing worker tell each other. */
import type { CaptureRendition } from "../../../../core/ingest/capture/capture-ladder.ts";
import type { HealthCheck } from "../../../../core/ingest/health/health-check.ts";
import type { PublishErrorCode } from "../../../../core/ingest/publisher/publish-error.ts";
import type { BroadcastId, StreamName } from "../../../../core/kit/ids.ts";

/** Samples of sound, a plane a channel. */
export interface AudioBlock {
  readonly planes: readonly Float32Array<ArrayBuffer>[];
}

/** The sound that is encoded. */
export interface AudioFormat {
  readonly codec: "aac" | "opus";
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSecond: number;
}

/** The beginning of a broadcast. */
export interface StartCommand {
  readonly kind: "start";
  readonly edge: string;
  readonly stream: StreamName;
  readonly key: string;
  /** Id of this page as a publisher. */
  readonly publisher: string;
  /** The largest rendition first; none is empty. */
  readonly ladder: readonly CaptureRendition[];
  readonly audio: AudioFormat;
  /** The edge's clock minus this machine's, milliseconds. */
  readonly clockOffsetMs: number;
}

/** Messages to the worker. Streams, tracks, ports and frames are transferred. */
export type WorkerCommand =
  | StartCommand
  /** The pictures' source, in place of the one before. */
  | { readonly kind: "video"; readonly source: ReadableStream<VideoFrame> | MediaStreamTrack }
  /** One picture, where the browser gives no stream of them. */
  | { readonly kind: "frame"; readonly frame: VideoFrame }
  /** `AudioBlock`s arrive at the port; null: the broadcast is silent. */
  | { readonly kind: "audio"; readonly port: MessagePort | null }
  | { readonly kind: "end" };

/** The state of publishing, told a few times a second. */
export interface CaptureStatus {
  /** Age of the oldest part that the edge has not accepted. */
  readonly queueMs: number;
  /** Time from a part's end to the edge's answer, p95. */
  readonly delayMs: number;
  /** Of what was sent in the last seconds. */
  readonly bitsPerSecond: number;
  /** Pictures encoded per second in the last seconds. */
  readonly framesPerSecond: number;
  /** Whether the encoders cannot keep up. */
  readonly isOverloaded: boolean;
  /** The names of the renditions on the air; empty while the network is away. */
  readonly renditions: readonly string[];
  readonly isTopDropped: boolean;
  readonly isPaused: boolean;
  /** Whether the uplink is too slow even for the rest, and media was skipped lately. */
  readonly isSkipping: boolean;
  /** Raised checks of the vocabulary, the worst first. */
  readonly checks: readonly HealthCheck[];
}

/** Messages of the worker. */
export type WorkerEvent =
  /** The worker runs; whether it reads tracks that are transferred to it. */
  | { readonly kind: "ready"; readonly canReadTracks: boolean }
  /** The broadcast has an id; the edge may not have opened it yet. */
  | { readonly kind: "opening"; readonly broadcast: BroadcastId }
  /** The edge has the first part. */
  | { readonly kind: "live" }
  | { readonly kind: "status"; readonly status: CaptureStatus }
  | {
      readonly kind: "failed";
      readonly code: PublishErrorCode | "encoder" | "network" | "busy";
      readonly reason: string;
    }
  | { readonly kind: "ended" };
