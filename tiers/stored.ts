/** Reads of R2, bounded and counted: what an isolate and a shield do alike. */
import { countAnswer } from "../protocol/status.ts";
import type { Tally } from "../protocol/tree/tally.ts";
import type { Calls } from "./calls.ts";

/** The part of a bucket that is used. */
interface Bucket {
  get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
}

/** A segment in R2, or null. `sent` is told of each request that goes out. Throws `UpstreamError`. */
export function readStored(
  bucket: Bucket,
  { r2 }: Tally,
  calls: Calls,
  key: string,
  sent: () => void,
): Promise<Uint8Array | null> {
  const read = async (): Promise<Uint8Array | null> => {
    try {
      const stored = await bucket.get(key);
      const bytes = stored === null ? null : new Uint8Array(await stored.arrayBuffer());
      countAnswer(r2, "hits", bytes === null ? 404 : 200);
      return bytes;
    } catch (error) {
      countAnswer(r2, "hits", 500);
      throw error;
    }
  };
  return calls.make(read, sent);
}
