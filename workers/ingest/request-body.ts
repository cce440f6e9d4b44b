/** Bodies of publishers: bounded in bytes, time and rate, and together by stream. */

import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import { type ProblemDocument, publishProblems } from "../../core/ingest/publish-result.ts";
import { concatBytes } from "../../core/kit/bytes.ts";
import { FairPool } from "../../core/kit/fair-pool.ts";

/** Bounds, each with its reason. */
const BODY_LIMITS = {
  /** Bytes of all bodies in an isolate of 128 MB. Further PUTs get 503. */
  poolBytes: 67_108_864,
  /** Bytes of bodies of one stream in any case: the largest part, and init sections and an opening beside it. */
  guaranteedBytesPerStream: BROADCAST_LIMITS.partBytes + 1_048_576,
  /** A body may take so long whatever it has: a connection that was quiet has to get going. */
  graceMs: 5_000,
  /** Beyond that it brings so much: an uplink that carries the smallest video. */
  minBytesPerSecond: 16_384,
  /** No body takes longer: publishers give a request up after 10 s, and the window goes on. */
  maxMs: 30_000,
} as const;

const bodyPool = new FairPool(BODY_LIMITS.poolBytes, BODY_LIMITS.guaranteedBytesPerStream);

/** Reads a body, and gives it to `use`; what it holds of the pool is given back after that. */
export async function readBodyBounded<T>(
  request: Request,
  stream: string,
  limit: number,
  use: (bytes: Uint8Array) => T | Promise<T>,
): Promise<T | ProblemDocument> {
  const declared = request.headers.get("content-length");
  const length = declared === null ? limit : Number(declared);
  if (!(length <= limit)) return tooLargeProblem(limit);
  if (!bodyPool.tryAcquire(stream, length)) {
    return publishProblems.unavailable("As much is on its way as the edge can hold; send this again.");
  }
  try {
    const bytes = await readBody(request, limit);
    return bytes instanceof Uint8Array ? await use(bytes) : bytes;
  } finally {
    bodyPool.release(stream, length);
  }
}

async function readBody({ body }: Request, limit: number): Promise<Uint8Array | ProblemDocument> {
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const beganMs = Date.now();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const dueMs = Math.min(BODY_LIMITS.maxMs, BODY_LIMITS.graceMs + (1_000 * length) / BODY_LIMITS.minBytesPerSecond);
    const chunk = await withDeadline(reader.read(), beganMs + dueMs - Date.now());
    if (chunk === "late" || (!chunk.done && length + chunk.value.byteLength > limit)) {
      // Not awaited: the other side may be gone.
      reader.cancel().catch(() => {});
      return chunk === "late"
        ? publishProblems.tooSlow("The body came too slowly; send it again.")
        : tooLargeProblem(limit);
    }
    if (chunk.done) return chunks.length === 1 && chunks[0] ? chunks[0] : concatBytes(chunks, length);
    chunks.push(chunk.value);
    length += chunk.value.byteLength;
  }
}

async function withDeadline<T>(work: Promise<T>, waitMs: number): Promise<T | "late"> {
  const timer = new AbortController();
  const late = scheduler.wait(Math.max(0, waitMs), { signal: timer.signal }).then(() => "late" as const);
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}

const tooLargeProblem = (limit: number): ProblemDocument =>
  publishProblems.tooLarge(`At most ${limit} bytes are taken here.`);
