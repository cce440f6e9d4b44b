/** The reviewer of a deployment: another Worker by a service binding, or a URL. */
import type { Clock } from "../../../core/kit/clock.ts";
import {
  type MessageReviewer,
  parseReviewResponse,
  type ReviewDeadline,
  type ReviewPolicy,
} from "../../../core/moderation/review.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";

/** Configuration of the reviewer; see `docs/design/moderation.md`. Without Worker and URL there is none. */
export interface ReviewerEnv {
  /** The Worker that reviews. */
  readonly REVIEWER?: Pick<Fetcher, "fetch">;
  /** The URL that reviews, without such a Worker. */
  readonly CORRAL_REVIEWER_URL?: string;
  /** Sent to either as a bearer token. */
  readonly CORRAL_REVIEWER_TOKEN?: string;
  /** The deadline of a review, ms. */
  readonly CORRAL_REVIEW_MS?: string;
  /** "hold": a message without a review waits for a moderator. Otherwise the local lists decide. */
  readonly CORRAL_REVIEW_FALLBACK?: string;
}

/** The review policy of a deployment; null without a reviewer. */
export function reviewPolicyFromEnv(env: ReviewerEnv, clock: Clock): ReviewPolicy<AbortSignal> | null {
  const url = env.CORRAL_REVIEWER_URL ?? "";
  if (env.REVIEWER === undefined && url === "") return null;
  const deadlineMs = Number(env.CORRAL_REVIEW_MS);
  return {
    reviewer: createHttpReviewer(
      env.REVIEWER ?? PLATFORM_FETCHER,
      url === "" ? "https://reviewer/" : url,
      env.CORRAL_REVIEWER_TOKEN,
    ),
    startDeadline: (timeoutMs) => startDeadline(clock, timeoutMs),
    deadlineMs: deadlineMs > 0 ? Math.min(deadlineMs, ROOM_LIMITS.maxReviewTimeoutMs) : ROOM_LIMITS.reviewTimeoutMs,
    fallback: env.CORRAL_REVIEW_FALLBACK === "hold" ? "hold" : "allow",
  };
}

/** The platform's `fetch` must not be called as a method of another object. */
const PLATFORM_FETCHER: Pick<Fetcher, "fetch"> = { fetch: (input, init) => fetch(input, init) };

function createHttpReviewer(fetcher: Pick<Fetcher, "fetch">, url: string, token = ""): MessageReviewer<AbortSignal> {
  const headers = { "content-type": "application/json", ...(token === "" ? {} : { authorization: `Bearer ${token}` }) };
  return async (text, { stream, sender, local }, signal) => {
    const { decision, scores } = local;
    const body = JSON.stringify({ stream, sender, text, local: { decision, scores } });
    const response = await fetcher.fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`The reviewer answered ${response.status}.`);
    }
    return parseReviewResponse(await readBoundedText(response), ROOM_LIMITS.messageChars);
  };
}

/** A response's text. Throws `RangeError` if it is longer than a review can be. */
async function readBoundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > ROOM_LIMITS.reviewResponseChars) throw new RangeError("The review is too long.");
  }
  return text + decoder.decode();
}

function startDeadline(clock: Clock, timeoutMs: number): ReviewDeadline<AbortSignal> {
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.startTimer(timeoutMs, () => {
    resolve();
    abort.abort();
  });
  return { signal: abort.signal, passed: promise, cancel };
}
