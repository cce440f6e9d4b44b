/** A sender's connection as listeners hand it to the ingest node, whatever its protocol. */
import type { ProblemDocument } from "../../core/api/problems.ts";
import type { TransportSample } from "../../core/ingest/health/link-meter.ts";
import type { IngestEvent, IngestProtocol } from "../../core/ingest/media-event.ts";
import type { StreamName } from "../../core/kit/ids.ts";

/** Why a connection ended: the sender said goodbye, its link broke, or this side closed it. */
export type SenderEnd =
  | { readonly kind: "goodbye" }
  | { readonly kind: "lost"; readonly detail: string }
  | { readonly kind: "invalid"; readonly detail: string }
  | { readonly kind: "closed" };

/**
 * Why a sender is refused, for protocols that tell it by number: its key may not publish, another sender has its place,
 * this side cannot take it now, or its network was refused too often.
 */
export type RefusalReason = "key" | "in-use" | "overload" | "throttled";

/** What an accepted connection delivers. After `onEnd` nothing follows. */
export interface SenderHandlers {
  readonly onEvent: (event: IngestEvent) => void;
  readonly onEnd: (end: SenderEnd) => void;
}

/** A sender that asks to publish. Nothing of it is delivered before `accept`. */
export interface SenderConnection {
  readonly protocol: IngestProtocol;
  /** Remote address, without port. */
  readonly remoteAddress: string;
  readonly stream: StreamName;
  /** The whole stream key, `corral_<id>_<secret>`; of SRT its secret is the passphrase that the handshake proved. */
  readonly key: string;
  /** Admits the sender. */
  accept(handlers: SenderHandlers): void;
  /**
   * Refuses the sender with a sentence that its encoder may show; `reason` is `key` if absent. `problem`: what the edge has
   * answered about the key, for protocols that tell problems.
   */
  refuse(sentence: string, reason?: RefusalReason, problem?: ProblemDocument): void;
  /** Ends an accepted connection at once; no byte is taken after it. */
  close(sentence: string): void;
  statistics(): TransportSample;
}

/** A listener that is open. */
export interface SenderListener {
  /** The bound port. */
  readonly port: number;
  /** Closes every connection, then the port. */
  close(): Promise<void>;
}
