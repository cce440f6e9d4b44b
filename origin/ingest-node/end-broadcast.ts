/** The end of a broadcast of the ingest node, and what is said of it. */

import type { PublishCounters } from "../../core/ingest/publisher/publish-counters.ts";
import { PublishError } from "../kit/errors.ts";
import type { PublishedBroadcast } from "./published-broadcast.ts";
import type { TranscodedBroadcast } from "./transcoded-broadcast.ts";

/** Ends a broadcast, and logs what fails. */
export async function endBroadcast(
  broadcast: PublishedBroadcast | TranscodedBroadcast,
  log: { warn(text: string): void },
): Promise<void> {
  try {
    await broadcast.end();
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    log.warn(error.message);
  } finally {
    await broadcast.close();
  }
}

/** What was published, in words. */
export function describeAmount({ parts, bytes, delayP95Ms, gapsByOverflow }: PublishCounters): string {
  const lost = gapsByOverflow > 0 ? `, ${gapsByOverflow} dropped` : "";
  return `${parts} parts, ${(bytes / 1e6).toFixed(1)} MB, p95 ${delayP95Ms.toFixed(0)} ms to the edge${lost}`;
}
