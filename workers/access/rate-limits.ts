/**
 * The platform's Rate Limiting binding: requests of one kind and network in a data centre, or of one who has a token. It is
 * for floods, and far above what people behind one address do; where it isn't bound, or the network isn't known, nothing is
 * limited by it.
 */
import type { Env } from "../env.ts";
import { tooManyRequestsResponse } from "../kit/responses.ts";
import { readRequestNetwork } from "./request-networks.ts";

/** Kinds of requests that are limited; their numbers are in `wrangler.toml`. */
export type RateLimitedRequest = "joins" | "sockets" | "beacons" | "replays" | "secrets";

const BINDINGS = {
  joins: "LIMIT_JOINS",
  sockets: "LIMIT_SOCKETS",
  beacons: "LIMIT_BEACONS",
  replays: "LIMIT_REPLAYS",
  secrets: "LIMIT_SECRETS",
} as const satisfies Record<RateLimitedRequest, keyof Env>;

/** Seconds after which a network that was too fast comes back: the binding counts in minutes, and doesn't say which. */
export const RATE_LIMIT_RETRY_S = 10;

/** Those that were too fast aren't asked about again for so long; so many are remembered. */
const REFUSAL_TTL_MS = 5_000;
const MAX_REFUSALS = 4_096;

const refusedUntilMs = new Map<string, number>();

/**
 * The refusal of a request whose network makes too many of its kind, or null. `subject`: who a token says has sent it; this
 * one's are counted, and not those of its network, which a whole school may share.
 */
export async function refuseOverRate(
  env: Env,
  kind: RateLimitedRequest,
  request: Request,
  subject: string | null = null,
): Promise<Response | null> {
  const limit = env[BINDINGS[kind]];
  const network = readRequestNetwork(request);
  if (limit === undefined || network === null) return null;
  // No network begins with this.
  const who = subject === null ? network : `subject ${subject}`;
  const key = `${kind} ${who}`;
  if (Date.now() < (refusedUntilMs.get(key) ?? 0)) return tooManyRequestsResponse(RATE_LIMIT_RETRY_S);
  const { success } = await limit.limit({ key: who });
  if (success) return null;
  if (refusedUntilMs.size >= MAX_REFUSALS) refusedUntilMs.clear();
  refusedUntilMs.set(key, Date.now() + REFUSAL_TTL_MS);
  return tooManyRequestsResponse(RATE_LIMIT_RETRY_S);
}
