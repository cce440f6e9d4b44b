/**
 * The platform's Rate Limiting binding: requests of one kind from one network, or of one subject, in a data centre. The
 * limits are for floods, far above the rates of people behind one address. Without the binding, or without a known network,
 * nothing is limited.
 */
import type { Env } from "../env.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { tooManyRequestsResponse } from "../kit/responses.ts";
import { readRequestNetwork } from "./request-networks.ts";

/** Kinds of limited requests; `wrangler.toml` has the limits. */
export type RateLimitedRequest = "joins" | "sockets" | "beacons" | "replays" | "secrets";

const BINDINGS = {
  joins: "LIMIT_JOINS",
  sockets: "LIMIT_SOCKETS",
  beacons: "LIMIT_BEACONS",
  replays: "LIMIT_REPLAYS",
  secrets: "LIMIT_SECRETS",
} as const satisfies Record<RateLimitedRequest, keyof Env>;

/** Seconds of `Retry-After`: the binding counts in minutes, and does not say when one ends. */
const RATE_LIMIT_RETRY_S = 10;

/** A refusal holds for so long without another look-up; so many are remembered. */
const REFUSAL_TTL_MS = 5_000;
const MAX_REFUSALS = 4_096;

const refusedUntilMs = new Map<string, number>();

/**
 * The refusal of a request whose network exceeds the rate of its kind, or null. With a token's `subject`, the subject's
 * requests are counted instead of its network's, which a whole school may share.
 */
export async function refuseOverRate(
  { env, request, platform: { clock } }: Pick<RequestScope, "env" | "request" | "platform">,
  kind: RateLimitedRequest,
  subject: string | null = null,
): Promise<Response | null> {
  const limit = env[BINDINGS[kind]];
  const network = readRequestNetwork(request);
  if (limit === undefined || network === null) return null;
  // No network's name begins like this.
  const who = subject === null ? network : `subject ${subject}`;
  const key = `${kind} ${who}`;
  const nowMs = clock.nowMs();
  if (nowMs < (refusedUntilMs.get(key) ?? 0)) return tooManyRequestsResponse(RATE_LIMIT_RETRY_S);
  const { success } = await limit.limit({ key: who });
  if (success) return null;
  if (refusedUntilMs.size >= MAX_REFUSALS) refusedUntilMs.clear();
  refusedUntilMs.set(key, nowMs + REFUSAL_TTL_MS);
  return tooManyRequestsResponse(RATE_LIMIT_RETRY_S);
}
