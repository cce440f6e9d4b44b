/** Cloudflare's list prices of November 2026 beyond the plan's allowance, in dollars. */
export const PRICES = {
  /** Per Worker request. */
  workerRequest: 0.3 / 1e6,
  /** Per millisecond of Worker CPU. */
  workerCpuMs: 0.02 / 1e6,
  /** Per Durable Object request: HTTP, RPC or alarm. */
  objectRequest: 0.15 / 1e6,
  /** Incoming frames on an object's sockets per billed request; outgoing frames are free. */
  framesPerRequest: 20,
  /** Per gigabyte-second that an object is in memory; each counts as 0.128 GB. */
  objectGbSecond: 12.5 / 1e6,
  objectGb: 0.128,
  /** Per row written to an object's SQLite; an index is another row. */
  rowWritten: 1 / 1e6,
  /** Per row read. */
  rowRead: 0.001 / 1e6,
  /** Per gigabyte-month of SQLite storage. */
  rowGbMonth: 0.2,
  /** R2: per write. */
  r2ClassA: 4.5 / 1e6,
  /** R2: per read. */
  r2ClassB: 0.36 / 1e6,
  /** R2: per gigabyte-month. */
  r2GbMonth: 0.015,
  /** Egress of Workers and R2, per gigabyte. */
  egressGb: 0,
  /** For comparison: per minute delivered by Cloudflare Stream. */
  streamMinute: 1 / 1_000,
} as const;
