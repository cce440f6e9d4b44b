/** Bodies of publishers: bounded in bytes, time and rate, and by stream together. */

import type { ProblemDocument } from "../../core/api/problems.ts";
import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import { publishProblems } from "../../core/ingest/publish-result.ts";
import { concatBytes } from "../../core/kit/bytes.ts";
import { type Clock, withTimeout } from "../../core/kit/clock.ts";
import { FairPool } from "../../core/kit/fair-pool.ts";

/** Bounds, each with its reason. */
const BODY_LIMITS = {
  /** Bytes of all bodies in an isolate of 128 MB. Further PUTs get 503. */
  poolBytes: 67_108_864,
  /** Bytes that each stream may use in any case: the largest part, with init sections and an opening beside it. */
  guaranteedBytesPerStream: BROADCAST_LIMITS.partBytes + 1_048_576,
  /** Time that every body has: an idle connection starts slowly. */
  graceMs: 5_000,
  /** The least rate after that: an uplink that carries the smallest video. */
  minBytesPerSecond: 16_384,
  /** The longest time of a body: publishers abandon a request after 10 s, and the window moves on. */
  maxMs: 30_000,
} as const;

const bodyPool = new FairPool(BODY_LIMITS.poolBytes, BODY_LIMITS.guaranteedBytesPerStream);

/** Reads a body and passes it to `use`; its share of the pool is released after that. */
export async function readBodyBounded<T>(
  clock: Clock,
  request: Request,
  stream: string,
  limit: number,
  use: (bytes: Uint8Array) => T | Promise<T>,
): Promise<T | ProblemDocument> {
  const declared = request.headers.get("content-length");
  const length = declared === null ? limit : Number(declared);
  if (!(length <= limit)) return tooLargeProblem(limit);
  if (!bodyPool.tryAcquire(stream, length)) {
    return publishProblems.unavailable("The edge holds as many bodies as it can; send this again.");
  }
  try {
    const bytes = await readBody(clock, request, limit);
    return bytes instanceof Uint8Array ? await use(bytes) : bytes;
  } finally {
    bodyPool.release(stream, length);
  }
}

async function readBody(clock: Clock, { body }: Request, limit: number): Promise<Uint8Array | ProblemDocument> {
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
      // Not awaited: the client may be gone.
      reader.cancel().catch(() => {});
      return chunk === "late" ? publishProblems.tooSlow() : tooLargeProblem(limit);
    }
    if (chunk.done) return chunks.length === 1 && chunks[0] ? chunks[0] : concatBytes(chunks, length);
    chunks.push(chunk.value);
    length += chunk.value.byteLength;
  }
}

const tooLargeProblem = (limit: number): ProblemDocument =>
  publishProblems.tooLarge(`At most ${limit} bytes are accepted here.`);
