/** One publish request: HTTP out, a classified reply back. Queueing and retries are the caller's. */
import type { PlaybackPolicy } from "../../access/access-policy.ts";
import type { BroadcastConfig } from "../../broadcast/broadcast-log.ts";
import type { Clock } from "../../kit/clock.ts";
import { startDeadline } from "../../kit/deadline.ts";
import { errorMessage } from "../../kit/error-message.ts";
import type { StreamName } from "../../kit/ids.ts";
import { parseJsonObject } from "../../kit/json-fields.ts";
import { retryAfterMs } from "../../kit/retry-after.ts";
import { initPath, partPath } from "../../media/hls/paths.ts";
import type { ChunkedPart } from "../chunk-bundle.ts";
import {
  CHUNKS_HEADER,
  PART_HEADER,
  PUBLISH_PROBLEM_TYPES,
  PUBLISHER_HEADER,
  type PublishProgress,
  restPath,
} from "../publish-api.ts";
import { parsePublishProgress } from "./publish-answer.ts";
import type { PublishOutcome, PublishRequest } from "./publish-queue.ts";
import type { PublishTransport } from "./publish-transport.ts";

/** Limits of a request. */
export const PUBLISH_REQUEST_LIMITS = {
  /** A request without an answer within this time is aborted and repeated. */
  requestMs: 10_000,
  /** Upper bound of `Retry-After`. */
  retryAfterMs: 30_000,
} as const;

/** The outcome of a request. */
export type PublishResponse =
  | { readonly kind: "ok"; readonly answer: PublishProgress }
  | { readonly kind: "out-of-order"; readonly answer: PublishProgress }
  | { readonly kind: "init-missing" | "chunks-missing" | "not-open" | "too-large" }
  /** Another publisher is live, possibly a crashed predecessor's lease. */
  | { readonly kind: "already-live"; readonly reason: string }
  /** Temporary: no connection, no response in time, 408, 429, 5xx. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs: number | null }
  /** The stream was stopped; the reason is for people. */
  | { readonly kind: "stopped"; readonly reason: string }
  /** Permanent; `isKey`: another key of the stream may be accepted. */
  | { readonly kind: "refused"; readonly reason: string; readonly isKey: boolean };

/** The target of a publisher. */
export interface PublishTarget {
  /** Origin of the edge, e.g. `http://127.0.0.1:8787`. */
  readonly edge: string;
  readonly stream: StreamName;
  readonly key: string;
  /** Random id of this process. */
  readonly publisher: string;
  readonly config: BroadcastConfig;
  /** The playback policy from now on; absent: unchanged. */
  readonly playback?: PlaybackPolicy;
}

/** Sends publish requests over a transport. */
export class PublishClient {
  readonly #target: PublishTarget;
  readonly #transport: PublishTransport;
  readonly #base: string;
  #key: string;
  readonly #clock: Clock;
  readonly #requestMs: number;

  constructor(
    target: PublishTarget,
    transport: PublishTransport,
    clock: Clock,
    requestMs: number = PUBLISH_REQUEST_LIMITS.requestMs,
  ) {
    this.#target = target;
    this.#transport = transport;
    this.#clock = clock;
    this.#requestMs = requestMs;
    // The path of an address: `http://host/path` → `/path`.
    const path = target.edge.replace(/^[a-z]+:\/\/[^/]*/, "").replace(/\/$/, "");
    this.#base = `${path}/ingest/${target.stream}/${target.config.broadcast}`;
    this.#key = target.key;
  }

  /** The key of the next request. */
  get key(): string {
    return this.#key;
  }

  set key(key: string) {
    this.#key = key;
  }

  /** Takes the broadcast over; safe to repeat. */
  takeOver(signal: AbortSignal): Promise<PublishResponse> {
    return this.#put("/handover", "", {}, signal);
  }

  /** Opens the broadcast; safe to repeat. */
  openBroadcast(signal: AbortSignal): Promise<PublishResponse> {
    const { config, playback } = this.#target;
    return this.#put("", JSON.stringify({ ...config, playback }), { "content-type": "application/json" }, signal);
  }

  /** Sends an init section or a part; `chunked`: of a part of which the edge has the first frames. */
  async sendMedia(
    send: PublishRequest,
    signal: AbortSignal,
    chunked: ChunkedPart | null = null,
  ): Promise<PublishResponse> {
    if (send.kind === "init") {
      return this.#put(`/${send.track}/${initPath(send.version)}`, send.bytes, { "content-type": "video/mp4" }, signal);
    }
    const { msn, part } = send.meta;
    const headers = { "content-type": "video/mp4", [PART_HEADER]: JSON.stringify(send.meta) };
    if (chunked === null) return this.#put(`/${send.track}/${partPath(msn, part)}`, send.bytes, headers, signal);
    const { form, rest } = chunked;
    const reply = await this.#put(
      `/${send.track}/${restPath(msn, part)}`,
      rest,
      { ...headers, [CHUNKS_HEADER]: JSON.stringify(form) },
      signal,
    );
    // An edge of a version without chunks refuses the address.
    return reply.kind === "refused" && !reply.isKey ? { kind: "chunks-missing" } : reply;
  }

  /** Sends chunks, as `encodeChunkBundle` writes them; without an answer within `timeoutMs` they count as lost. */
  sendChunks(bundle: Uint8Array, signal: AbortSignal, timeoutMs: number): Promise<PublishResponse> {
    return this.#put("/chunks", bundle, { "content-type": "application/octet-stream" }, signal, timeoutMs);
  }

  /** Ends the broadcast; safe to repeat. */
  endBroadcast(signal: AbortSignal): Promise<PublishResponse> {
    return this.#put("/end", "", {}, signal);
  }

  /** Closes the connections at once. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #put(
    path: string,
    body: Uint8Array | string,
    headers: Record<string, string>,
    signal: AbortSignal,
    timeoutMs: number = this.#requestMs,
  ): Promise<PublishResponse> {
    const deadline = startDeadline(this.#clock, timeoutMs);
    try {
      const answer = await this.#transport.put({
        path: this.#base + path,
        headers: { authorization: `Bearer ${this.#key}`, [PUBLISHER_HEADER]: this.#target.publisher, ...headers },
        body,
        signal: AbortSignal.any([signal, deadline.signal]),
      });
      const afterMs = retryAfterMs(answer.retryAfter ?? undefined, PUBLISH_REQUEST_LIMITS.retryAfterMs);
      return classifyReply(answer.status, answer.body, afterMs);
    } catch (error) {
      return { kind: "retry", reason: errorMessage(error), afterMs: null };
    } finally {
      deadline.cancel();
    }
  }
}

/** What an answer means for the queue. */
export function publishOutcomeOf(reply: PublishResponse): PublishOutcome {
  switch (reply.kind) {
    case "ok":
    case "out-of-order":
      return { kind: "answer", answer: reply.answer };
    case "init-missing":
    case "too-large":
      return { kind: reply.kind };
    default:
      return { kind: "failed" };
  }
}

/** A request in words. */
export function describeRequest(send: PublishRequest): string {
  return send.kind === "init" ? `init section ${send.version}` : `part ${send.meta.msn}.${send.meta.part}`;
}

/** Problems of the key, as opposed to those of the broadcast. */
const KEY_PROBLEMS: ReadonlySet<string> = new Set([
  PUBLISH_PROBLEM_TYPES.keyWrong,
  PUBLISH_PROBLEM_TYPES.keyExpired,
  PUBLISH_PROBLEM_TYPES.keyUsed,
  PUBLISH_PROBLEM_TYPES.tokenWrong,
]);

/** Classifies a response. Pure. */
function classifyReply(status: number, body: string, afterMs: number | null): PublishResponse {
  const json = parseJsonObject(body);
  const progress = parsePublishProgress(json);
  if (status === 200) {
    return progress === null
      ? { kind: "refused", reason: "the response is not from the publish API; is this a Corral edge?", isKey: false }
      : { kind: "ok", answer: progress };
  }
  const textOf = (name: string): string => {
    const value = json?.[name];
    return typeof value === "string" ? value : "";
  };
  const [type, title, detail] = [textOf("type"), textOf("title"), textOf("detail")];
  const reason = `${status} ${[title, detail].filter((text) => text !== "").join(": ")}`.trim();
  if (status === 408 || status === 429 || status >= 500) return { kind: "retry", reason, afterMs };
  if (status === 413) return { kind: "too-large" };
  if (status === 403 && type === PUBLISH_PROBLEM_TYPES.stopped) return { kind: "stopped", reason: detail };
  if (status === 409) {
    if (type === PUBLISH_PROBLEM_TYPES.outOfOrder && progress !== null)
      return { kind: "out-of-order", answer: progress };
    if (type === PUBLISH_PROBLEM_TYPES.initMissing) return { kind: "init-missing" };
    if (type === PUBLISH_PROBLEM_TYPES.chunksMissing) return { kind: "chunks-missing" };
    if (type === PUBLISH_PROBLEM_TYPES.notOpen) return { kind: "not-open" };
    if (type === PUBLISH_PROBLEM_TYPES.alreadyLive) return { kind: "already-live", reason };
  }
  return { kind: "refused", reason, isKey: KEY_PROBLEMS.has(type) };
}
