/** Reads request bodies within limits of bytes, time and rate. */
import { concatBytes } from "../../core/kit/bytes.ts";
import { type Clock, withTimeout } from "../../core/kit/clock.ts";

/** Limits of every body, each with its reason. */
const BODY_LIMITS = {
  /** Grace period of every body: an idle connection starts slowly. */
  graceMs: 5_000,
  /** Minimum rate after that: an uplink that carries the smallest video. */
  minBytesPerSecond: 16_384,
  /** Maximum time of a body: publishers abandon a request after 10 s, and the window moves on. */
  maxMs: 30_000,
} as const;

/** The bytes of a body of at most `limit` bytes, or why they were not read; the rest is cancelled. Rejects if the client aborts. */
export async function readBody(
  clock: Clock,
  { body }: Request,
  limit: number,
): Promise<Uint8Array | "too-large" | "too-slow"> {
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const beganMs = clock.monotonicMs();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const dueMs = Math.min(BODY_LIMITS.maxMs, BODY_LIMITS.graceMs + (1_000 * length) / BODY_LIMITS.minBytesPerSecond);
    const leftMs = Math.max(0, beganMs + dueMs - clock.monotonicMs());
    const chunk = await withTimeout(clock, leftMs, reader.read(), () => "late" as const);
    if (chunk === "late" || (!chunk.done && length + chunk.value.byteLength > limit)) {
      // Not awaited: the client may have disconnected.
      reader.cancel().catch(() => {});
      return chunk === "late" ? "too-slow" : "too-large";
    }
    if (chunk.done) return chunks.length === 1 && chunks[0] ? chunks[0] : concatBytes(chunks, length);
    chunks.push(chunk.value);
    length += chunk.value.byteLength;
  }
}
