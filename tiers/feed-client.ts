/** One reading of a feed, from its request to its end; what it brings goes to the stream's edge. */
import { FeedError, type FeedMessage, FeedReader } from "../protocol/broadcast/feed.ts";
import type { TrackName } from "../protocol/ids.ts";
import type { TreeReport } from "../protocol/status.ts";
import type { Asker } from "../protocol/tree/policy.ts";

/** What a feed is asked for, and by whom. */
export interface FeedQuery {
  readonly node: string;
  readonly asker: Pick<Asker, "kind" | "pressed" | "sited">;
  readonly from: { readonly epoch: string; readonly offset: number } | null;
  readonly want: ReadonlySet<TrackName>;
  readonly have: ReadonlySet<TrackName>;
  /** The asker still reads its earlier feed, whichever node it comes from. */
  readonly moving: boolean;
  readonly report: TreeReport;
}

/**
 * How a reading ended: `absent`, the stream has never been live; `bye`, the sender closed it; `up` and `down`, ask that
 * node instead; `stopped`, by the reader; `broken`, all else.
 */
export type FeedEnd = "absent" | "bye" | "up" | "down" | "broken" | "stopped";

/** What a reading brings. */
export interface FeedReading {
  /** Bytes have come, though they may be no whole message yet. */
  heard(): void;
  message(message: FeedMessage): "on" | "again" | Promise<"on" | "again">;
  /** The node sent the asker on, and gives it what it counted: it has no feed of its own to report with. */
  carry(report: TreeReport): void;
  /** The asker's own report was not taken. */
  refused(report: TreeReport): void;
  /** Whether to end the reading. */
  stop(): boolean;
}

/** Answers that send an asker on carry the direction here. */
const GO_HEADER = "corral-go";
const REPORT_HEADER = "corral-report";

/** A feed that is silent so long is broken: it beats every 500 ms. */
const SILENCE_MS = 5_000;

/** Reads a feed until it ends, breaks, or `stop()` says so. Never rejects. */
export async function readFeed(
  node: { fetch(url: string, init: RequestInit): Promise<Response> },
  query: FeedQuery,
  reading: FeedReading,
): Promise<FeedEnd> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let taken = false;
  try {
    const { url, headers } = feedRequest(query);
    const response = await inTime(node.fetch(url, { headers }));
    const go = response.headers.get(GO_HEADER);
    if (go === "up" || go === "down") {
      const carried = response.headers.get(REPORT_HEADER);
      if (carried !== null) reading.carry(JSON.parse(carried) as TreeReport);
      return go;
    }
    if (response.status === 404) return "absent";
    if (!response.ok || response.body === null) throw new FeedError(`the feed answered ${response.status}`);
    taken = true;
    reader = response.body.getReader();
    const messages = new FeedReader();
    while (!reading.stop()) {
      const chunk = await inTime(reader.read());
      if (chunk.done) return "broken";
      reading.heard();
      for (const message of messages.push(chunk.value)) {
        if (message.header.kind === "bye") return "bye";
        const next = reading.message(message);
        if ((typeof next === "string" ? next : await next) === "again") return "broken";
      }
    }
    return "stopped";
  } catch (error) {
    console.warn("feed broken", error);
    return "broken";
  } finally {
    if (!taken) reading.refused(query.report);
    // Not awaited: the other side may be gone.
    reader?.cancel().catch(() => {});
  }
}

/** What `work` brings, or `FeedError` when it brings nothing for `SILENCE_MS`. */
async function inTime<T>(work: Promise<T>): Promise<T> {
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
export function feedRequest(query: FeedQuery): { readonly url: string; readonly headers: Record<string, string> } {
  return { url: feedUrl(query), headers: { [REPORT_HEADER]: JSON.stringify(query.report) } };
}

function feedUrl({ node, asker, from, want, have, moving }: FeedQuery): string {
  const url = new URL("http://node/feed");
  const { searchParams } = url;
  searchParams.set("node", node);
  searchParams.set("kind", asker.kind);
  if (asker.pressed) searchParams.set("pressed", "1");
  if (asker.sited) searchParams.set("sited", "1");
  if (moving) searchParams.set("moving", "1");
  if (from !== null) {
    searchParams.set("epoch", from.epoch);
    searchParams.set("offset", String(from.offset));
  }
  searchParams.set("want", [...want].join(","));
  searchParams.set("have", [...have].join(","));
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
    node,
    asker: { kind, pressed: searchParams.has("pressed"), sited: searchParams.has("sited") },
    from: epoch === null ? null : { epoch, offset: Number(searchParams.get("offset")) },
    want: trackSet(searchParams.get("want")),
    have: trackSet(searchParams.get("have")),
    moving: searchParams.has("moving"),
    report: JSON.parse(report) as TreeReport,
  };
}

function trackSet(text: string | null): Set<TrackName> {
  return new Set((text ?? "").split(",").filter((name) => name !== "") as TrackName[]);
}

/** The answer that sends an asker on; `report`: what it is to carry with it. */
export function sendOn(direction: "up" | "down", report: TreeReport | null): Response {
  const headers: Record<string, string> = { [GO_HEADER]: direction };
  if (report !== null) headers[REPORT_HEADER] = JSON.stringify(report);
  return new Response(null, { status: 307, headers });
}
