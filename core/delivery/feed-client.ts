/** One read of a feed, from its request to its end. */
import { FeedDecoder, FeedError, type FeedMessage } from "../broadcast/feed-codec.ts";
import type { ReplicaCursor } from "../broadcast/replica.ts";
import type { NodeReport } from "../broadcast/stream-status.ts";
import { type Clock, withTimeout } from "../kit/clock.ts";
import type { TrackName } from "../kit/ids.ts";
import type { FeedRequester } from "./tree/feed-policy.ts";

/** The request for a feed. */
export interface FeedQuery {
  readonly nodeId: string;
  readonly requester: Pick<FeedRequester, "kind" | "mustBeServed" | "hasSite">;
  readonly resumeFrom: ReplicaCursor | null;
  readonly wantedTracks: ReadonlySet<TrackName>;
  readonly heldTracks: ReadonlySet<TrackName>;
  /** Chunks of the wanted tracks too; a node that does not know them sends parts. */
  readonly wantsChunks: boolean;
  /** The requester still reads its earlier feed, from whichever node. */
  readonly isHandover: boolean;
  readonly report: NodeReport;
}

/**
 * How a read ended: `absent`, the stream was never live; `bye`, the sender closed it; `up` and `down`, ask that node
 * instead; `stopped`, by the reader; `broken`, anything else.
 */
export type FeedEndReason = "absent" | "bye" | "up" | "down" | "broken" | "stopped";

/** Callbacks of a read. */
export interface FeedReadHandler {
  /** Bytes arrived, not necessarily a whole message. */
  bytesReceived(): void;
  handleMessage(message: FeedMessage): "on" | "again" | Promise<"on" | "again">;
  /** The node sent no feed and passed on its counters: it has none of its own to report with. */
  addChildReport(report: NodeReport): void;
  /** The requester's own report was not accepted. */
  restoreReport(report: NodeReport): void;
  /** Whether to end the read. */
  shouldStop(): boolean;
  /** Time after which the read ends although nothing has arrived, milliseconds. */
  remainingMs(): number;
  /** The feed broke because of `error`. */
  feedFailed(error: unknown): void;
}

/** What a feed is requested from. */
export interface FeedSource {
  fetch(url: string, init: { readonly headers: Record<string, string> }): Promise<Response>;
}

/** Header of a redirect's direction. */
const REDIRECT_HEADER = "corral-go";
const REPORT_HEADER = "corral-report";

/** A feed that is silent this long is broken: heartbeats come every 500 ms. */
const SILENCE_MS = 5_000;

/** Reads a feed until it ends, breaks, or `shouldStop()` says so. Never rejects. */
export async function readFeed(
  clock: Clock,
  source: FeedSource,
  query: FeedQuery,
  handler: FeedReadHandler,
): Promise<FeedEndReason> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    const { url, headers } = buildFeedRequest(query);
    // What throws at once is an answer too.
    const fetched = (async () => source.fetch(url, { headers }))();
    // Also of an answer that comes too late.
    fetched
      .then(
        (response) => settleReports(response, query, handler),
        () => handler.restoreReport(query.report),
      )
      .catch((error: unknown) => handler.feedFailed(error));
    const response = await failWhenSilent(clock, fetched).catch((error: unknown) => {
      // An unread feed would hold a subscriber's slot at the node until its end.
      fetched.then((late) => late.body?.getReader().cancel()).catch(() => {});
      throw error;
    });
    const direction = response.headers.get(REDIRECT_HEADER);
    if (direction === "up" || direction === "down") return direction;
    if (response.status === 404) return "absent";
    if (!response.ok || response.body === null) throw new FeedError(`the feed answered ${response.status}`);
    reader = response.body.getReader();
    return await readMessages(clock, reader, handler);
  } catch (error) {
    handler.feedFailed(error);
    return "broken";
  } finally {
    // Not awaited: the other side may be gone.
    reader?.cancel().catch(() => {});
  }
}

/** A node that sends a feed has accepted the requester's report; one that sends none may pass on its own. */
function settleReports(response: Response, query: FeedQuery, handler: FeedReadHandler): void {
  if (response.ok) return;
  handler.restoreReport(query.report);
  const carried = response.headers.get(REPORT_HEADER);
  if (carried !== null) handler.addChildReport(JSON.parse(carried) as NodeReport);
}

async function readMessages(
  clock: Clock,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  handler: FeedReadHandler,
): Promise<FeedEndReason> {
  const messages = new FeedDecoder();
  while (!handler.shouldStop()) {
    const remainingMs = handler.remainingMs();
    const chunk =
      remainingMs < SILENCE_MS
        ? await withTimeout(clock, Math.max(0, remainingMs), reader.read(), () => null)
        : await failWhenSilent(clock, reader.read());
    if (chunk === null) return "stopped";
    if (chunk.done) return "broken";
    handler.bytesReceived();
    for (const message of messages.decode(chunk.value)) {
      if (message.header.kind === "bye") return "bye";
      const next = handler.handleMessage(message);
      if ((typeof next === "string" ? next : await next) === "again") return "broken";
    }
  }
  return "stopped";
}

/** The result of `work`. Throws `FeedError` if there is none within `SILENCE_MS`. */
function failWhenSilent<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return withTimeout(clock, SILENCE_MS, work, () => {
    throw new FeedError(`the feed was silent for ${SILENCE_MS} ms`);
  });
}

/** The request for a feed. */
export function buildFeedRequest(query: FeedQuery): { readonly url: string; readonly headers: Record<string, string> } {
  return { url: buildFeedUrl(query), headers: { [REPORT_HEADER]: JSON.stringify(query.report) } };
}

function buildFeedUrl(query: FeedQuery): string {
  const { nodeId, requester, resumeFrom, wantedTracks, heldTracks, wantsChunks, isHandover } = query;
  const params = new URLSearchParams();
  params.set("node", nodeId);
  params.set("kind", requester.kind);
  if (requester.mustBeServed) params.set("pressed", "1");
  if (requester.hasSite) params.set("sited", "1");
  if (isHandover) params.set("moving", "1");
  if (resumeFrom !== null) {
    params.set("epoch", resumeFrom.epoch);
    params.set("offset", String(resumeFrom.offset));
  }
  params.set("want", [...wantedTracks].join(","));
  params.set("have", [...heldTracks].join(","));
  if (wantsChunks) params.set("chunks", "1");
  return `http://node/feed?${params.toString()}`;
}

/** The query of a request that `buildFeedRequest` made; null for another request. */
export function parseFeedQuery(request: {
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}): FeedQuery | null {
  const queryStart = request.url.indexOf("?");
  const params = new URLSearchParams(queryStart < 0 ? "" : request.url.slice(queryStart));
  const node = params.get("node");
  const kind = params.get("kind");
  const report = request.headers.get(REPORT_HEADER);
  if (node === null || report === null) return null;
  if (kind !== "isolate" && kind !== "colo" && kind !== "region") return null;
  const epoch = params.get("epoch");
  return {
    nodeId: node,
    requester: { kind, mustBeServed: params.has("pressed"), hasSite: params.has("sited") },
    resumeFrom: epoch === null ? null : { epoch, offset: Number(params.get("offset")) },
    wantedTracks: parseTrackSet(params.get("want")),
    heldTracks: parseTrackSet(params.get("have")),
    wantsChunks: params.has("chunks"),
    isHandover: params.has("moving"),
    report: JSON.parse(report) as NodeReport,
  };
}

function parseTrackSet(text: string | null): Set<TrackName> {
  return new Set((text ?? "").split(",").filter((name) => name !== "") as TrackName[]);
}

/** A redirect. */
export function createFeedRedirect(direction: "up" | "down"): Response {
  return new Response(null, { status: 307, headers: { [REDIRECT_HEADER]: direction } });
}

/** Adds the counters that the requester carries on to an answer that is no feed. */
export function attachReport(answer: Response, report: NodeReport): void {
  answer.headers.set(REPORT_HEADER, JSON.stringify(report));
}
