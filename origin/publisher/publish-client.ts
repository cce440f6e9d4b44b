/** One publish request: HTTP out, a classified reply back. Queueing and retries are the caller's. */
import { Pool } from "undici";
import { z } from "zod";
import type { PlaybackPolicy } from "../../core/access/access-policy.ts";
import type { BroadcastConfig } from "../../core/broadcast/broadcast-log.ts";
import {
  PART_HEADER,
  PUBLISH_PROBLEM_TYPES,
  PUBLISHER_HEADER,
  type PublishProgress,
} from "../../core/ingest/publish-api.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { initPath, partPath } from "../../core/media/hls/paths.ts";
import { startDeadline } from "../kit/deadline.ts";
import { errorMessage } from "../kit/errors.ts";
import { retryAfterMs } from "../kit/retry-after.ts";
import type { PublishOutcome, PublishRequest } from "./publish-queue.ts";

/** Limits of a request. */
const PUBLISH_REQUEST_LIMITS = {
  /** A request without an answer within this time is aborted and repeated. */
  requestMs: 10_000,
  /** A larger response is not from the publish API. */
  answerBytes: 1_000_000,
  /** Upper bound of `Retry-After`. */
  retryAfterMs: 30_000,
} as const;

/** The outcome of a request. */
export type PublishResponse =
  | { readonly kind: "ok"; readonly answer: PublishProgress }
  | { readonly kind: "out-of-order"; readonly answer: PublishProgress }
  | { readonly kind: "init-missing" | "not-open" | "too-large" }
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

/** Sends publish requests over kept-alive connections. */
export class PublishClient {
  readonly #target: PublishTarget;
  readonly #pool: Pool;
  readonly #base: string;
  #key: string;
  readonly #clock: Clock;
  readonly #requestMs: number;

  constructor(target: PublishTarget, clock: Clock, requestMs: number = PUBLISH_REQUEST_LIMITS.requestMs) {
    this.#target = target;
    this.#clock = clock;
    this.#requestMs = requestMs;
    const url = new URL(target.edge);
    this.#base = `${url.pathname.replace(/\/$/, "")}/ingest/${target.stream}/${target.config.broadcast}`;
    this.#key = target.key;
    this.#pool = new Pool(url.origin, {
      connections: target.config.tracks.length + 1,
      pipelining: 1,
      keepAliveTimeout: 60_000,
      keepAliveMaxTimeout: 600_000,
      maxResponseSize: PUBLISH_REQUEST_LIMITS.answerBytes,
      connect: { noDelay: true, timeout: requestMs },
    });
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

  /** Sends an init section or a part. */
  sendMedia(send: PublishRequest, signal: AbortSignal): Promise<PublishResponse> {
    if (send.kind === "init") {
      return this.#put(`/${send.track}/${initPath(send.version)}`, send.bytes, { "content-type": "video/mp4" }, signal);
    }
    const { msn, part } = send.meta;
    const headers = { "content-type": "video/mp4", [PART_HEADER]: JSON.stringify(send.meta) };
    return this.#put(`/${send.track}/${partPath(msn, part)}`, send.bytes, headers, signal);
  }

  /** Ends the broadcast; safe to repeat. */
  endBroadcast(signal: AbortSignal): Promise<PublishResponse> {
    return this.#put("/end", "", {}, signal);
  }

  /** Closes the connections at once. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #put(
    path: string,
    body: Uint8Array | string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<PublishResponse> {
    const deadline = startDeadline(this.#clock, this.#requestMs);
    try {
      const response = await this.#pool.request({
        method: "PUT",
        path: this.#base + path,
        headers: { authorization: `Bearer ${this.#key}`, [PUBLISHER_HEADER]: this.#target.publisher, ...headers },
        body,
        signal: AbortSignal.any([signal, deadline.signal]),
      });
      const text = await response.body.text();
      const retryAfter = response.headers["retry-after"];
      const afterMs = retryAfterMs(
        typeof retryAfter === "string" ? retryAfter : undefined,
        PUBLISH_REQUEST_LIMITS.retryAfterMs,
      );
      return classifyReply(response.statusCode, text, afterMs);
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

const ProgressSchema = z.object({
  durableMsn: z.number().int().min(-1),
  next: z.object({ msn: z.number().int().nonnegative(), part: z.number().int().nonnegative() }),
  inits: z.array(z.number().int().nonnegative()),
});
const AnswerSchema = z.object({ epoch: z.string(), tracks: z.record(z.string(), ProgressSchema) });
const ProblemSchema = z.object({
  type: z.string().optional(),
  title: z.string().optional(),
  detail: z.string().optional(),
});

/** Problems of the key, as opposed to those of the broadcast. */
const KEY_PROBLEMS: ReadonlySet<string> = new Set([
  PUBLISH_PROBLEM_TYPES.keyWrong,
  PUBLISH_PROBLEM_TYPES.keyExpired,
  PUBLISH_PROBLEM_TYPES.keyUsed,
  PUBLISH_PROBLEM_TYPES.tokenWrong,
]);

/** Classifies a response. Pure. */
function classifyReply(status: number, body: string, afterMs: number | null): PublishResponse {
  const json = parseJson(body);
  const answer = AnswerSchema.safeParse(json);
  if (status === 200) {
    return answer.success
      ? { kind: "ok", answer: answer.data as PublishProgress }
      : { kind: "refused", reason: "the response is not from the publish API; is this a Corral edge?", isKey: false };
  }
  const problem = ProblemSchema.safeParse(json);
  const { type = "", title = "", detail = "" } = problem.success ? problem.data : {};
  const reason = `${status} ${[title, detail].filter((text) => text !== "").join(": ")}`.trim();
  if (status === 408 || status === 429 || status >= 500) return { kind: "retry", reason, afterMs };
  if (status === 413) return { kind: "too-large" };
  if (status === 403 && type === PUBLISH_PROBLEM_TYPES.stopped) return { kind: "stopped", reason: detail };
  if (status === 409) {
    if (type === PUBLISH_PROBLEM_TYPES.outOfOrder && answer.success)
      return { kind: "out-of-order", answer: answer.data as PublishProgress };
    if (type === PUBLISH_PROBLEM_TYPES.initMissing) return { kind: "init-missing" };
    if (type === PUBLISH_PROBLEM_TYPES.notOpen) return { kind: "not-open" };
    if (type === PUBLISH_PROBLEM_TYPES.alreadyLive) return { kind: "already-live", reason };
  }
  return { kind: "refused", reason, isKey: KEY_PROBLEMS.has(type) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
