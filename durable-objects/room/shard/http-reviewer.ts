/** The reviewer of a deployment: another Worker by a service binding, or a URL. */

import type { ReviewConfig } from "../../../core/api/config.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import {
  type MessageReviewer,
  parseReviewResponse,
  type ReviewDeadline,
  type ReviewPolicy,
} from "../../../core/moderation/review.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";

/** The binding of a reviewer. */
export interface ReviewerEnv {
  /** The Worker that reviews; see `docs/design/moderation.md`. */
  readonly REVIEWER?: Pick<Fetcher, "fetch">;
}

/** The review policy of a deployment; null without a reviewer. */
export function createReviewPolicy(
  reviewer: ReviewerEnv["REVIEWER"],
  { url, token, timeoutMs, fallback }: ReviewConfig,
  clock: Clock,
): ReviewPolicy<AbortSignal> | null {
  if (reviewer === undefined && url === null) return null;
  return {
    reviewer: createHttpReviewer(reviewer ?? PLATFORM_FETCHER, url ?? "https://reviewer/", token),
    startDeadline: (deadlineMs) => startDeadline(clock, deadlineMs),
    deadlineMs: timeoutMs,
    fallback,
  };
}

/** The platform's `fetch` must not be called as a method of another object. */
const PLATFORM_FETCHER: Pick<Fetcher, "fetch"> = { fetch: (input, init) => fetch(input, init) };

function createHttpReviewer(
  fetcher: Pick<Fetcher, "fetch">,
  url: string,
  token: string | null,
): MessageReviewer<AbortSignal> {
  const headers = {
    "content-type": "application/json",
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
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
    if (text.length > ROOM_LIMITS.reviewResponseChars) throw new RangeError("The review exceeds the size limit.");
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
