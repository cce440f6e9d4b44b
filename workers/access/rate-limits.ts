/**
 * Rate limits of one network, or of one subject: an isolate paces what comes in bursts, and the platform's Rate Limiting
 * binding limits what one data centre takes in a minute. The limits are for floods, far above the rates of people behind one
 * address. Without a known network nothing is limited.
 */
import { BoundedMap } from "../../core/kit/bounded-map.ts";
import { type Clock, sleep } from "../../core/kit/clock.ts";
import { FairPool } from "../../core/kit/fair-pool.ts";
import { RequestPacer } from "../../core/kit/request-pacer.ts";
import type { BucketRate } from "../../core/kit/token-bucket.ts";
import type { Env } from "../env.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { tooManyRequestsResponse } from "../kit/responses.ts";
import { readRequestNetwork } from "./request-networks.ts";

/** Kinds of limited requests; `wrangler.toml` has the limits. */
export type RateLimitedRequest = "joins" | "sockets" | "beacons" | "replays" | "secrets" | "guests" | "sign-ins";

const BINDINGS = {
  joins: "LIMIT_JOINS",
  sockets: "LIMIT_SOCKETS",
  beacons: "LIMIT_BEACONS",
  replays: "LIMIT_REPLAYS",
  secrets: "LIMIT_SECRETS",
  guests: "LIMIT_GUESTS",
  "sign-ins": "LIMIT_SIGN_INS",
} as const satisfies Record<RateLimitedRequest, keyof Env>;

/** Seconds of `Retry-After`: the binding counts per minute, and does not report when one ends. */
const RATE_LIMIT_RETRY_S = 10;

/** A refusal is cached for this time without another look-up; this many are cached. */
const REFUSAL_TTL_MS = 5_000;
const MAX_REFUSALS = 4_096;

/** The longest wait, and the networks whose turns are remembered, of each kind. */
const PACER_LIMITS = { maxDelayMs: 2_000, keys: 4_096 } as const;
/** Requests that wait for their turns at once: each holds some 3 kB. Further ones are refused; each network has a share. */
const MAX_WAITING = 2_000;
/** Those that one network or subject may have waiting in any case: a household's. */
const GUARANTEED_WAITING = 8;

/**
 * Kinds whose bursts would delay everybody else: one network's wait for their turns here. A class that opens the page at once
 * enters within two seconds; of `secrets` only wrong ones wait.
 */
const PACERS: Partial<Record<RateLimitedRequest, RequestPacer>> = {
  sockets: createPacer({ perSecond: 60, burst: 8 }),
  beacons: createPacer({ perSecond: 100, burst: 8 }),
  replays: createPacer({ perSecond: 30, burst: 8 }),
  secrets: createPacer({ perSecond: 20, burst: 4 }),
};

const waiting = new FairPool(MAX_WAITING, GUARANTEED_WAITING);

const refusedUntilMs = new BoundedMap<string, number>(MAX_REFUSALS);

/**
 * The refusal of a request whose network exceeds the rate of its kind, or null once it is the request's turn. With a token's
 * `subject`, the subject's requests are counted instead of its network's, which a whole school may share. `network`: of the
 * client for which a server has sent the request.
 */
export async function refuseOverRate(
  { env, request, platform: { clock } }: Pick<RequestScope, "env" | "request" | "platform">,
  kind: RateLimitedRequest,
  subject: string | null = null,
  network: string | null = readRequestNetwork(request),
): Promise<Response | null> {
  if (network === null) return null;
  // No network's name starts with this.
  const who = subject === null ? network : `subject ${subject}`;
  const key = `${kind} ${who}`;
  const nowMs = clock.nowMs();
  if (nowMs < (refusedUntilMs.get(key) ?? 0)) return tooManyRequestsResponse(RATE_LIMIT_RETRY_S);
  if (!(await waitForTurn(clock, kind, who))) return tooManyRequestsResponse(RATE_LIMIT_RETRY_S);
  const limit = env[BINDINGS[kind]];
  if (limit === undefined) return null;
  const { success } = await limit.limit({ key: who });
  if (success) return null;
  refusedUntilMs.set(key, nowMs + REFUSAL_TTL_MS);
  return tooManyRequestsResponse(RATE_LIMIT_RETRY_S);
}

/** Waits for a turn; false where it is too late, or where too many wait. */
async function waitForTurn(clock: Clock, kind: RateLimitedRequest, who: string): Promise<boolean> {
  const delayMs = PACERS[kind]?.takeTurn(who, clock.monotonicMs());
  if (delayMs === undefined || delayMs === 0) return true;
  if (delayMs === null || !waiting.tryAcquire(who)) return false;
  try {
    await sleep(clock, delayMs);
    return true;
  } finally {
    waiting.release(who);
  }
}

function createPacer(rate: BucketRate): RequestPacer {
  return new RequestPacer({ rate, ...PACER_LIMITS });
}
