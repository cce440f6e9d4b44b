/** The publisher of a sender's broadcast, with an ingest node's limits. */
import type { StreamKeyRole } from "../../core/access/stream-key.ts";
import { BroadcastPublisher, type PublisherOptions } from "../publisher/broadcast-publisher.ts";
import { INGEST_NODE_LIMITS } from "./ingest-limits.ts";

/** Where a sender's media goes, and with which key. */
export interface IngestTarget {
  readonly edge: string;
  readonly key: string;
  /** Id of the publishing process. */
  readonly publisher: string;
  /** What the key is for; absent: `primary`. */
  readonly role?: StreamKeyRole;
  /** When the key begins no session any more, milliseconds since the epoch; null: never; absent: unknown. */
  readonly keyExpiresMs?: number | null;
}

/** A broadcast, where it goes, and who is told what of it. */
export interface IngestPublisherOptions
  extends Required<Pick<PublisherOptions, "stream" | "config" | "log" | "platform" | "onFatal" | "onKeyRefused">> {
  readonly target: IngestTarget;
  /** The edge has accepted the first part. */
  readonly onFirstPart: () => void;
}

/** See the file's first line. It is not open yet. */
export function createIngestPublisher(options: IngestPublisherOptions): BroadcastPublisher {
  const { stream, config, log, platform, onFatal, onKeyRefused, target, onFirstPart } = options;
  const limits = { takeoverMs: INGEST_NODE_LIMITS.takeoverMs, queueBytes: INGEST_NODE_LIMITS.queueBytes };
  const told = { log, platform, onFatal, onKeyRefused };
  const publisher = new BroadcastPublisher({ ...target, ...told, stream, config, limits });
  publisher.firstPart.then(onFirstPart).catch(() => {});
  return publisher;
}
