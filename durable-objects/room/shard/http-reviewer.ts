/** The reviewer that a deployment may name: another Worker by a service binding, or an address. */
import {
  type MessageReviewer,
  parseReviewResponse,
  type ReviewDeadline,
  type ReviewPolicy,
} from "../../../core/moderation/review.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";

/** What names a reviewer; see `docs/design/moderation.md`. Without both of the first there is none. */
export interface ReviewerEnv {
  /** The Worker that reviews. */
  readonly REVIEWER?: Pick<Fetcher, "fetch">;
  /** The address that reviews, where there is no such Worker. */
  readonly CORRAL_REVIEWER_URL?: string;
  /** Sent to either as a bearer token. */
  readonly CORRAL_REVIEWER_TOKEN?: string;
  /** How long a message waits for its review, ms. */
  readonly CORRAL_REVIEW_MS?: string;
  /** "hold": what could not be reviewed waits for a moderator. Else the lists alone decide about it. */
  readonly CORRAL_REVIEW_FALLBACK?: string;
}

/** How messages are reviewed here, or null where they aren't. */
export function reviewPolicyFromEnv(env: ReviewerEnv): ReviewPolicy<AbortSignal> | null {
  const url = env.CORRAL_REVIEWER_URL ?? "";
  if (env.REVIEWER === undefined && url === "") return null;
  const told = Number(env.CORRAL_REVIEW_MS);
  return {
    reviewer: createHttpReviewer(
      env.REVIEWER ?? PLATFORM_FETCHER,
      url === "" ? "https://reviewer/" : url,
      env.CORRAL_REVIEWER_TOKEN,
    ),
    startDeadline,
    deadlineMs: told > 0 ? Math.min(told, ROOM_LIMITS.maxReviewTimeoutMs) : ROOM_LIMITS.reviewTimeoutMs,
    fallback: env.CORRAL_REVIEW_FALLBACK === "hold" ? "hold" : "allow",
  };
}

/** The platform's `fetch` may not be called as another object's method. */
const PLATFORM_FETCHER: Pick<Fetcher, "fetch"> = { fetch: (to, init) => fetch(to, init) };

function createHttpReviewer(to: Pick<Fetcher, "fetch">, url: string, token = ""): MessageReviewer<AbortSignal> {
  const headers = { "content-type": "application/json", ...(token === "" ? {} : { authorization: `Bearer ${token}` }) };
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
