/** Cloudflare's list prices of November 2026 beyond what the plan includes, in dollars. */
export const PRICES = {
  /** Each request to a Worker. */
  workerRequest: 0.3 / 1e6,
  /** A millisecond of a Worker's CPU. */
  workerCpuMs: 0.02 / 1e6,
  /** A request to a Durable Object: HTTP, RPC or alarm. */
  objectRequest: 0.15 / 1e6,
  /** Frames that come in on an object's sockets and are billed as one request; those that go out are free. */
  framesPerRequest: 20,
  /** A gigabyte-second that an object is in memory; each counts as 0.128 GB. */
  objectGbSecond: 12.5 / 1e6,
  objectGb: 0.128,
  /** A row written to an object's SQLite; an index is a row more. */
  rowWritten: 1 / 1e6,
  /** A row read from it. */
  rowRead: 0.001 / 1e6,
  /** A gigabyte kept in it for a month. */
  rowGbMonth: 0.2,
  /** R2: a write. */
  r2ClassA: 4.5 / 1e6,
  /** R2: a read. */
  r2ClassB: 0.36 / 1e6,
  /** R2: a gigabyte kept for a month. */
  r2GbMonth: 0.015,
  /** Egress of Workers and of R2, a gigabyte. */
  egressGb: 0,
  /** For comparison: a minute that Cloudflare Stream delivers. */
  streamMinute: 1 / 1_000,
} as const;
