/** Types shared by the parts of delivery. */
import type { CacheOutcome } from "../../core/broadcast/stream-status.ts";
import type { PullContext } from "./puller.ts";

/** One request for a resource of a stream. */
export interface StreamRequest extends PullContext {
  readonly request: Request;
}

/** A request that has been authorized. */
export interface DeliveryContext extends StreamRequest {
  /** The query that playlist URIs carry for this viewer; empty for a public stream. */
  readonly tokenQuery: string;
}

/** A response, and its outcome for the counters. */
export interface DeliveryAnswer {
  readonly response: Response;
  readonly outcome: CacheOutcome;
}
