/** Bodies of publish requests: limited in bytes, time and rate, and in total per stream. */

import type { ProblemDocument } from "../../core/api/problems.ts";
import { BROADCAST_LIMITS } from "../../core/broadcast/broadcast-limits.ts";
import { publishProblems } from "../../core/ingest/publish-result.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { FairPool } from "../../core/kit/fair-pool.ts";
import { readBody } from "../kit/body-reader.ts";

/** Limits, each with its reason. */
const BODY_POOL_LIMITS = {
  /** Bytes of all bodies in an isolate of 128 MB. Further PUTs get 503. */
  poolBytes: 67_108_864,
  /** Guaranteed bytes per stream: the largest part, with init sections and an opening besides. */
  guaranteedBytesPerStream: BROADCAST_LIMITS.partBytes + 1_048_576,
} as const;

const bodyPool = new FairPool(BODY_POOL_LIMITS.poolBytes, BODY_POOL_LIMITS.guaranteedBytesPerStream);

/** Reads a body and passes it to `use`; its share of the pool is released afterwards. */
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
    return publishProblems.unavailable("The edge has reached its limit of buffered bodies; send this again.");
  }
  try {
    const bytes = await readBody(clock, request, limit);
    if (bytes === "too-large") return tooLargeProblem(limit);
    return bytes === "too-slow" ? publishProblems.tooSlow() : await use(bytes);
  } finally {
    bodyPool.release(stream, length);
  }
}

const tooLargeProblem = (limit: number): ProblemDocument =>
  publishProblems.tooLarge(`At most ${limit} bytes are accepted here.`);
