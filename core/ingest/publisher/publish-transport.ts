/** How publish requests reach the edge: `fetch`, or a client with a pool of connections. */

/** A PUT to the publish API. */
export interface PublishPut {
  /** Path and query below the edge's origin. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly signal: AbortSignal;
}

/** The edge's answer, read whole. */
export interface PublishHttpAnswer {
  readonly status: number;
  readonly body: string;
  /** The header `Retry-After`, null without one. */
  readonly retryAfter: string | null;
}

/** Connections to one edge. */
export interface PublishTransport {
  /** Rejects if there is no answer: no connection, an abort, a body over the limit. */
  put(request: PublishPut): Promise<PublishHttpAnswer>;
  /** Closes the connections at once. */
  close(): Promise<void>;
}

/** A larger answer is not from the publish API, bytes. */
export const MAX_PUBLISH_ANSWER_BYTES = 1_000_000;
