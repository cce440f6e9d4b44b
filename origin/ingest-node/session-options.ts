/** What a session of the ingest node needs. */
import type { HealthReport } from "../../core/ingest/health/health-check.ts";
import type { HealthMonitor } from "../../core/ingest/health/health-monitor.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { LineLog } from "../kit/log.ts";
import type { Transcoder } from "../packager/transcoder.ts";
import type { IngestTarget } from "./ingest-publisher.ts";
import type { IngestPackaging } from "./published-broadcast.ts";
import type { LowerLadder } from "./renditions/lower-ladder.ts";
import type { SenderConnection } from "./sender-connection.ts";
import type { SlateLibrary } from "./slate-encoder.ts";
import type { TranscodePlaces } from "./transcode-places.ts";

/** See the file's first line. */
export interface IngestSessionOptions {
  readonly stream: StreamName;
  /** Of the first sender. */
  readonly target: IngestTarget;
  readonly packaging: IngestPackaging;
  /** Stand for senders that are away; null: gaps do. */
  readonly slates: SlateLibrary | null;
  /** Encodes renditions beside what is passed through; null: none. */
  readonly lower: LowerLadder | null;
  /** Whether AAC is made beside a sender's Opus. */
  readonly hasAac: boolean;
  /** Encodes what cannot be passed through; null: that is refused. */
  readonly transcoder: Transcoder | null;
  /** Where it gets a place for that; null as the transcoder. */
  readonly places: TranscodePlaces | null;
  /** A sender whose link broke may come back within this time, milliseconds. */
  readonly reconnectMs: number;
  /** See `AirSwitchOptions`. */
  readonly returnMs: number | null;
  /** See `StandByOptions`. */
  readonly checkKey: (connection: SenderConnection) => Promise<string | null>;
  /** Whether pictures are judged before they go on the air: those of an earlier sender were refused. */
  readonly mustBeJudged: boolean;
  /** Resolves when the stream's session before this one has ended. */
  readonly previous: Promise<void>;
  /** The stream's, which outlives the session. */
  readonly monitor: HealthMonitor;
  readonly log: LineLog;
  readonly platform: Platform;
  /** Milliseconds since the epoch, never going back. */
  readonly epochNowMs: () => number;
  /** The pictures were judged: whether they can be passed through. */
  readonly onDecision: (isFit: boolean) => void;
  /** The session takes no sender any more; its broadcast has ended when `done` resolves. */
  readonly onEnd: (done: Promise<void>) => void;
}

/** A session's state for people and monitoring. */
export interface SessionDescription {
  readonly isLive: boolean;
  /** Senders that have connected since the session began. */
  readonly senders: number;
  readonly tracks: readonly string[];
  readonly health: HealthReport;
}
