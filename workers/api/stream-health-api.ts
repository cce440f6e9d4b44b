/** The ingest health of a stream: now, once or as server-sent events, and of the last 30 days. */
import type { HealthHistory } from "../../core/ingest/health/health-history.ts";
import type { StreamHealth } from "../../core/ingest/health/health-schemas.ts";
import { sleep } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { cacheLifetimes, jsonResponse, problemResponse } from "../kit/responses.ts";
import { parseTimeRange } from "./time-range.ts";

/** Limits of event streams, each with its reason. */
const HEALTH_EVENT_LIMITS = {
  /** Event streams of an isolate: each asks a Live object at every period. Further ones get 429. */
  streams: 64,
  periodMs: 2_000,
  /** An event stream ends after this long; its client connects again (HTML §9.2.3), which checks its token anew. */
  lifetimeMs: 300_000,
} as const;

const AFTER_PATTERN = /^\d{1,15}$/;
const EVENT_STREAM = "text/event-stream";
let openStreams = 0;

/** The health as the stream's Live object has it, with the samples after `afterMs`. */
export async function fetchStreamHealth(
  { env }: RequestScope,
  stream: StreamName,
  afterMs: number,
): Promise<StreamHealth> {
  const health: StreamHealth = await env.LIVE.getByName(stream).health(afterMs);
  return health;
}

/** `GET …/health/history`: the health within a range of the last 30 days. */
export async function handleHealthHistory({ env, request }: RequestScope, stream: StreamName): Promise<Response> {
  const range = parseTimeRange(request);
  if (range instanceof Response) return range;
  const history: HealthHistory = await env.LIVE.getByName(stream).healthHistory(range.fromMs, range.toMs);
  return jsonResponse({ stream, ...history });
}

/** `GET …/health`: the health as JSON, or as events if the client accepts them. */
export async function handleStreamHealth(scope: RequestScope, stream: StreamName): Promise<Response> {
  const { request } = scope;
  const after = new URL(request.url).searchParams.get("after") ?? "0";
  if (!AFTER_PATTERN.test(after))
    return problemResponse("invalid-parameter", "`after` is a time in ms since the epoch.");
  const acceptsEvents = request.headers.get("accept")?.includes(EVENT_STREAM) === true;
  if (!acceptsEvents) return jsonResponse({ stream, ...(await fetchStreamHealth(scope, stream, Number(after))) });
  if (openStreams >= HEALTH_EVENT_LIMITS.streams) {
    return problemResponse("too-many-requests", "Too many event streams of health are open; ask without them.");
  }
  const headers = { "content-type": EVENT_STREAM, "cache-control": cacheLifetimes.noStore };
  return new Response(openHealthEvents(scope, stream, Number(after)), { headers });
}

/** An event at once and at every period, until the client leaves. */
function openHealthEvents(scope: RequestScope, stream: StreamName, afterMs: number): ReadableStream<Uint8Array> {
  const { clock } = scope.platform;
  const encoder = new TextEncoder();
  const stop = new AbortController();
  const endMs = clock.monotonicMs() + HEALTH_EVENT_LIMITS.lifetimeMs;
  let isFirst = true;
  let sentMs = afterMs;
  openStreams += 1;
  const release = (): void => {
    if (stop.signal.aborted) return;
    stop.abort();
    openStreams -= 1;
  };
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        if (!isFirst) await sleep(clock, HEALTH_EVENT_LIMITS.periodMs, stop.signal);
        isFirst = false;
        if (clock.monotonicMs() >= endMs) {
          release();
          controller.close();
          return;
        }
        const health = await fetchStreamHealth(scope, stream, sentMs);
        sentMs = health.samples.at(-1)?.atMs ?? sentMs;
        const data = JSON.stringify({ stream, ...health });
        if (!stop.signal.aborted) controller.enqueue(encoder.encode(`event: health\ndata: ${data}\n\n`));
      } catch (error) {
        // After a cancellation nobody reads it; else the client connects again.
        const wasOpen = !stop.signal.aborted;
        release();
        if (wasOpen) controller.error(error);
      }
    },
    cancel: release,
  });
}
