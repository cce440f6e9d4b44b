/** How many people watch, for the status line. */
import { request } from "undici";
import { z } from "zod";
import { type Clock, startInterval } from "../core/kit/clock.ts";
import { startDeadline } from "../core/kit/deadline.ts";
import type { StreamName } from "../core/kit/ids.ts";

/** The edge answers from memory; a remote one bills each request. */
const INTERVAL_MS = 5_000;
const REQUEST_MS = 4_000;

const StatusSchema = z.object({ viewers: z.object({ current: z.number().int().nonnegative() }) });

/** The latest number of viewers of a stream. */
export interface ViewerCount {
  /** Null before the first answer, and after one without a number. */
  readonly current: number | null;
  stop(): void;
}

/** Asks the edge every five seconds. */
export function startViewerCount(edgeUrl: string, stream: StreamName, clock: Clock): ViewerCount {
  let current: number | null = null;
  let isAsking = false;
  const ask = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    current = await fetchViewers(edgeUrl, stream, clock).catch(() => null);
    isAsking = false;
  };
  void ask();
  const stop = startInterval(clock, INTERVAL_MS, () => void ask());
  return {
    get current() {
      return current;
    },
    stop,
  };
}

async function fetchViewers(edgeUrl: string, stream: StreamName, clock: Clock): Promise<number> {
  const deadline = startDeadline(clock, REQUEST_MS);
  try {
    const { body } = await request(`${edgeUrl}/api/streams/${stream}`, { signal: deadline.signal });
    return StatusSchema.parse(await body.json()).viewers.current;
  } finally {
    deadline.cancel();
  }
}
