/** One reading of a feed, from its request to its end; what it brings goes to the stream's edge. */
import { FeedDecoder, FeedError, type FeedMessage } from "../../broadcast/feed-codec.ts";
import type { NodeReport } from "../../broadcast/stream-status.ts";
import type { TrackName } from "../../kit/ids.ts";
import type { FeedRequester } from "../tree/feed-policy.ts";

/** What a feed is asked for, and by whom. */
export interface FeedQuery {
  readonly nodeId: string;
  readonly requester: Pick<FeedRequester, "kind" | "mustBeServed" | "hasSite">;
  readonly resumeFrom: { readonly epoch: string; readonly offset: number } | null;
  readonly wantedTracks: ReadonlySet<TrackName>;
  readonly heldTracks: ReadonlySet<TrackName>;
  /** The asker still reads its earlier feed, whichever node it comes from. */
  readonly isHandover: boolean;
  readonly report: NodeReport;
}

/**
 * How a reading ended: `absent`, the stream has never been live; `bye`, the sender closed it; `up` and `down`, ask that
 * node instead; `stopped`, by the reader; `broken`, all else.
 */
export type FeedEndReason = "absent" | "bye" | "up" | "down" | "broken" | "stopped";

/** What a reading brings. */
export interface FeedReadHandler {
  /** Bytes have come, though they may be no whole message yet. */
  bytesReceived(): void;
  handleMessage(message: FeedMessage): "on" | "again" | Promise<"on" | "again">;
  /** The node sent the asker on, and gives it what it counted: it has no feed of its own to report with. */
  addChildReport(report: NodeReport): void;
  /** The asker's own report was not taken. */
  restoreReport(report: NodeReport): void;
  /** Whether to end the reading. */
  shouldStop(): boolean;
}

/** Answers that send an asker on carry the direction here. */
const REDIRECT_HEADER = "corral-go";
const REPORT_HEADER = "corral-report";

/** A feed that is silent so long is broken: it beats every 500 ms. */
const SILENCE_MS = 5_000;

/** Reads a feed until it ends, breaks, or `stop()` says so. Never rejects. */
export async function readFeed(
  upstream: { fetch(url: string, init: RequestInit): Promise<Response> },
  query: FeedQuery,
  handler: FeedReadHandler,
): Promise<FeedEndReason> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let taken = false;
  try {
    const { url, headers } = buildFeedRequest(query);
    const response = await failWhenSilent(upstream.fetch(url, { headers }));
    const go = response.headers.get(REDIRECT_HEADER);
    if (go === "up" || go === "down") {
      const carried = response.headers.get(REPORT_HEADER);
      if (carried !== null) handler.addChildReport(JSON.parse(carried) as NodeReport);
      return go;
    }
    if (response.status === 404) return "absent";
    if (!response.ok || response.body === null) throw new FeedError(`the feed answered ${response.status}`);
    taken = true;
    reader = response.body.getReader();
    const messages = new FeedDecoder();
    while (!handler.shouldStop()) {
      const chunk = await failWhenSilent(reader.read());
      if (chunk.done) return "broken";
      handler.bytesReceived();
      for (const message of messages.decode(chunk.value)) {
        if (message.header.kind === "bye") return "bye";
        const next = handler.handleMessage(message);
        if ((typeof next === "string" ? next : await next) === "again") return "broken";
      }
    }
    return "stopped";
  } catch (error) {
    console.warn("feed broken", error);
    return "broken";
  } finally {
    if (!taken) handler.restoreReport(query.report);
    // Not awaited: the other side may be gone.
    reader?.cancel().catch(() => {});
  }
}

/** What `work` brings, or `FeedError` when it brings nothing for `SILENCE_MS`. */
async function failWhenSilent<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const silent = scheduler.wait(SILENCE_MS, { signal: timer.signal }).then(() => {
    throw new FeedError(`the feed was silent for ${SILENCE_MS} ms`);
  });
  try {
    return await Promise.race([work, silent]);
  } finally {
    silent.catch(() => {});
    timer.abort();
  }
}

/** The request that asks a query. */
export function buildFeedRequest(query: FeedQuery): { readonly url: string; readonly headers: Record<string, string> } {
  return { url: buildFeedUrl(query), headers: { [REPORT_HEADER]: JSON.stringify(query.report) } };
}

function buildFeedUrl({ nodeId, requester, resumeFrom, wantedTracks, heldTracks, isHandover }: FeedQuery): string {
  const url = new URL("http://node/feed");
  const { searchParams } = url;
  searchParams.set("node", nodeId);
  searchParams.set("kind", requester.kind);
  if (requester.mustBeServed) searchParams.set("pressed", "1");
  if (requester.hasSite) searchParams.set("sited", "1");
  if (isHandover) searchParams.set("moving", "1");
  if (resumeFrom !== null) {
    searchParams.set("epoch", resumeFrom.epoch);
    searchParams.set("offset", String(resumeFrom.offset));
  }
  searchParams.set("want", [...wantedTracks].join(","));
  searchParams.set("have", [...heldTracks].join(","));
  return url.href;
}

/** What a request for a feed asks, as `readFeed` wrote it; null where it is something else. */
export function parseFeedQuery(request: Request): FeedQuery | null {
  const { searchParams } = new URL(request.url);
  const node = searchParams.get("node");
  const kind = searchParams.get("kind");
  const report = request.headers.get(REPORT_HEADER);
  if (node === null || report === null) return null;
  if (kind !== "isolate" && kind !== "colo" && kind !== "region") return null;
  const epoch = searchParams.get("epoch");
  return {
    nodeId: node,
    requester: { kind, mustBeServed: searchParams.has("pressed"), hasSite: searchParams.has("sited") },
    resumeFrom: epoch === null ? null : { epoch, offset: Number(searchParams.get("offset")) },
    wantedTracks: parseTrackSet(searchParams.get("want")),
    heldTracks: parseTrackSet(searchParams.get("have")),
    isHandover: searchParams.has("moving"),
    report: JSON.parse(report) as NodeReport,
  };
}

function parseTrackSet(text: string | null): Set<TrackName> {
  return new Set((text ?? "").split(",").filter((name) => name !== "") as TrackName[]);
}

/** The answer that sends an asker on; `report`: what it is to carry with it. */
export function createFeedRedirect(direction: "up" | "down", report: NodeReport | null): Response {
  const headers: Record<string, string> = { [REDIRECT_HEADER]: direction };
  if (report !== null) headers[REPORT_HEADER] = JSON.stringify(report);
  return new Response(null, { status: 307, headers });
}
