/** One reading of the feed, from its request to its end; what it brings goes to the stream's edge. */
import { FeedError, type FeedFrame, FeedReader } from "../../protocol/broadcast/feed.ts";
import type { TrackName } from "../../protocol/ids.ts";
import type { IsolateReport } from "../../protocol/status.ts";

/** What to ask a feed for. */
export interface FeedQuery {
  readonly from: { readonly epoch: string; readonly offset: number } | null;
  readonly want: ReadonlySet<TrackName>;
  readonly have: ReadonlySet<TrackName>;
  readonly report: IsolateReport;
}

/** How a reading ended: `absent`, the stream has never been live; `bye`, the sender closed it; `broken`, all else. */
export type FeedEnd = "absent" | "bye" | "broken" | "stopped";

/** A feed that is silent so long is broken: it beats every 500 ms. */
const SILENCE_MS = 5_000;

/** Reads a feed until it ends, breaks, or `stop()` says so. Never rejects. */
export async function readFeed(
  parent: Fetcher,
  query: FeedQuery,
  onFrame: (frame: FeedFrame) => "on" | "again",
  stop: () => boolean,
): Promise<FeedEnd> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    const response = await inTime(
      parent.fetch(feedUrl(query), { headers: { "corral-report": JSON.stringify(query.report) } }),
    );
    if (response.status === 404) return "absent";
    if (!response.ok || response.body === null) throw new FeedError(`the feed answered ${response.status}`);
    reader = response.body.getReader();
    const frames = new FeedReader();
    while (!stop()) {
      const chunk = await inTime(reader.read());
      if (chunk.done) return "broken";
      for (const frame of frames.push(chunk.value)) {
        if (frame.header.kind === "bye") return "bye";
        if (onFrame(frame) === "again") return "broken";
      }
    }
    return "stopped";
  } catch (error) {
    console.warn("feed broken", error);
    return "broken";
  } finally {
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

function feedUrl({ from, want, have }: FeedQuery): string {
  const url = new URL("http://live/feed");
  if (from !== null) {
    url.searchParams.set("epoch", from.epoch);
    url.searchParams.set("offset", String(from.offset));
  }
  url.searchParams.set("want", [...want].join(","));
  url.searchParams.set("have", [...have].join(","));
  return url.href;
}
