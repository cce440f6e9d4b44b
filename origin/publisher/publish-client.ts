/** One publish request: HTTP out, a classified reply back. Knows nothing of what is kept or tried again. */
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
import type { StreamName } from "../../core/kit/ids.ts";
import { initPath, partPath } from "../../core/media/hls/paths.ts";
import { errorMessage } from "../kit/errors.ts";
import { retryAfterMs } from "../kit/retry-after.ts";
import type { PublishRequest } from "./publish-queue.ts";

/** Bounds on a request. */
const PUBLISH_REQUEST_LIMITS = {
  /** A request without an answer for this long is given up and made again. */
  requestMs: 10_000,
  /** An answer larger than this is no answer of ours. */
  answerBytes: 1_000_000,
  /** An edge may not send us away for longer. */
  retryAfterMs: 30_000,
} as const;

/** What a request came to. */
export type PublishResponse =
  | { readonly kind: "ok"; readonly answer: PublishProgress }
  | { readonly kind: "out-of-order"; readonly answer: PublishProgress }
  | { readonly kind: "init-missing" | "not-open" | "too-large" }
  /** Another publisher is live; it may be the remains of a crashed one. */
  | { readonly kind: "already-live"; readonly reason: string }
  /** Not now: no connection, no answer in time, 408, 429, 5xx. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs: number | null }
  /** The stream was stopped; the reason is for people. */
  | { readonly kind: "stopped"; readonly reason: string }
  /** Never. */
  | { readonly kind: "refused"; readonly reason: string };

/** Who publishes what, where. */
export interface PublishTarget {
  /** Origin of the edge, e.g. `http://127.0.0.1:8787`. */
  readonly edge: string;
  readonly stream: StreamName;
  readonly key: string;
  /** Random id of this process. */
  readonly publisher: string;
  readonly config: BroadcastConfig;
  /** Who may watch the stream from now on; absent: whoever may. */
  readonly playback?: PlaybackPolicy;
}

/** Makes publish requests over kept-alive connections. */
export class PublishClient {
  readonly #target: PublishTarget;
  readonly #pool: Pool;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #requestMs: number;

  constructor(target: PublishTarget, requestMs: number = PUBLISH_REQUEST_LIMITS.requestMs) {
    this.#target = target;
    this.#requestMs = requestMs;
    const url = new URL(target.edge);
    this.#base = `${url.pathname.replace(/\/$/, "")}/ingest/${target.stream}/${target.config.broadcast}`;
    this.#headers = { authorization: `Bearer ${target.key}`, [PUBLISHER_HEADER]: target.publisher };
    this.#pool = new Pool(url.origin, {
      connections: target.config.tracks.length + 1,
      pipelining: 1,
      keepAliveTimeout: 60_000,
      keepAliveMaxTimeout: 600_000,
      maxResponseSize: PUBLISH_REQUEST_LIMITS.answerBytes,
      connect: { noDelay: true, timeout: requestMs },
    });
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

  /** Says that no more media will come; safe to repeat. */
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
    try {
      const response = await this.#pool.request({
        method: "PUT",
        path: this.#base + path,
        headers: { ...this.#headers, ...headers },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#requestMs)]),
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
    }
  }
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

/** What an answer means. Pure. */
function classifyReply(status: number, body: string, afterMs: number | null): PublishResponse {
  const json = parseJson(body);
  const answer = AnswerSchema.safeParse(json);
  if (status === 200) {
    return answer.success
      ? { kind: "ok", answer: answer.data as PublishProgress }
      : { kind: "refused", reason: "the edge's answer is not of the publish API; is it a Corral edge?" };
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
  return { kind: "refused", reason };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
