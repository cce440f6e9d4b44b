/** Bounded and counted reads of R2, in isolates and shields. */
import { countRequest } from "../broadcast/stream-status.ts";
import type { UpstreamClient } from "../kit/upstream-client.ts";
import type { NodeCounters } from "./node-counters.ts";

/** The used part of a bucket. */
interface Bucket {
  get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
}

/** A segment in R2, or null. `onAttempt` is called for each request that is sent. Throws `UpstreamError`. */
export function readR2Object(
  bucket: Bucket,
  { r2Counters }: NodeCounters,
  client: UpstreamClient,
  key: string,
  onAttempt: () => void,
): Promise<Uint8Array | null> {
  const read = async (): Promise<Uint8Array | null> => {
    try {
      const stored = await bucket.get(key);
      const bytes = stored === null ? null : new Uint8Array(await stored.arrayBuffer());
      countRequest(r2Counters, "hits", bytes === null ? 404 : 200);
      return bytes;
    } catch (error) {
      countRequest(r2Counters, "hits", 500);
      throw error;
    }
  };
  return client.call(read, onAttempt);
}
