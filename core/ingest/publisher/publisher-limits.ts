/** Timeouts and retries of a publisher. */
import type { BackoffOptions } from "../../kit/backoff.ts";

/** See the file's first line. */
export interface PublisherLimits {
  readonly takeoverMs: number;
  readonly unreachableMs: number;
  readonly queueBytes: number | null;
  readonly endMs: number;
  readonly retry: BackoffOptions;
}

/** The default limits. */
export const PUBLISHER_LIMITS: PublisherLimits = {
  /** Limit of the wait for another publisher's lease to expire; that of a crashed predecessor lasts 10 s. */
  takeoverMs: 30_000,
  /** Limit of the wait for an edge that does not answer the opening. */
  unreachableMs: 30_000,
  /** Bytes that wait for the edge; null: the queue's own limit. */
  queueBytes: null,
  /** How long `end` waits for the queue to be sent and confirmed. */
  endMs: 20_000,
  /** Delays between attempts. */
  retry: { firstMs: 50, maxMs: 5_000 },
};
