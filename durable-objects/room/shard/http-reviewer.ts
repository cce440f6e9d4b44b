/** The reviewer that a deployment may name: another Worker by a service binding, or an address. */
import type { ReviewConfig } from "../../../core/api/config.ts";
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

/** How messages are reviewed, or null where the deployment has no reviewer. */
export function createReviewPolicy(
  reviewer: ReviewerEnv["REVIEWER"],
  { url, token, timeoutMs, fallback }: ReviewConfig,
): ReviewPolicy<AbortSignal> | null {
  if (reviewer === undefined && url === null) return null;
  return {
    reviewer: createHttpReviewer(reviewer ?? PLATFORM_FETCHER, url ?? "https://reviewer/", token),
    startDeadline,
    deadlineMs: timeoutMs,
    fallback,
  };
}

/** The platform's `fetch` may not be called as another object's method. */
const PLATFORM_FETCHER: Pick<Fetcher, "fetch"> = { fetch: (to, init) => fetch(to, init) };

function createHttpReviewer(
  to: Pick<Fetcher, "fetch">,
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
    const answer = await to.fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`The reviewer answered ${answer.status}.`);
    }
    return parseReviewResponse(await readBoundedText(answer), ROOM_LIMITS.messageChars);
  };
}

/** An answer's text. Throws `RangeError` if it is longer than a review can be. */
async function readBoundedText(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > ROOM_LIMITS.reviewResponseChars) throw new RangeError("The review is too long.");
  }
  return text + decoder.decode();
}

function startDeadline(milliseconds: number): ReviewDeadline<AbortSignal> {
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    resolve();
    abort.abort();
  }, milliseconds);
  return { signal: abort.signal, passed: promise, cancel: () => clearTimeout(timer) };
}
