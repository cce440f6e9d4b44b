/** The jobs and results of a viewer fleet's processes. */
import type { LatencyPairs } from "./latency-histogram.ts";
import type { ServerProtocol } from "./protocol-adapters.ts";

/** Sockets that one process opens to a server. */
export interface SocketLoadJob {
  readonly do: "open";
  readonly dialect: ServerProtocol;
  /** The server, like `ws://127.0.0.1:8787`; each viewer takes the next one. */
  readonly servers: readonly string[];
  readonly room: string;
  readonly viewers: number;
  /** One token for each viewer that writes. */
  readonly tokens: readonly string[];
  /** Sockets opened in a second. */
  readonly perSecond: number;
}

/** Viewers with the product's own client, for correctness rather than numbers. */
export interface ClientLoadJob {
  readonly do: "people";
  readonly server: string;
  readonly room: string;
  readonly viewers: number;
  readonly tokens: readonly string[];
  readonly perSecond: number;
}

/** All jobs. */
export type FleetJob =
  | SocketLoadJob
  | ClientLoadJob
  /** The total rate of messages, until the next such job; 0: none. */
  | { readonly do: "write"; readonly perSecond: number }
  /** A share (0–1) of the viewers sends heartbeats; the others stop silently. */
  | { readonly do: "play"; readonly share: number }
  /** The counts since the last `clear`. */
  | { readonly do: "stats" }
  | { readonly do: "clear" }
  | { readonly do: "people-stats" }
  | { readonly do: "close" };

/** The counts of one process's sockets. */
export interface SocketLoadStats {
  /** Welcomed sockets. */
  readonly ready: number;
  readonly frames: number;
  readonly bytes: number;
  /** Delivered messages, summed over all viewers. */
  readonly delivered: number;
  readonly sent: number;
  readonly acknowledged: number;
  /** Frames after a gap, and frames with repeated events. */
  readonly holes: number;
  readonly repeats: number;
  /** Viewers that were moved to another shard. */
  readonly moved: number;
  /** Other closes by code, and when the first of each came, ms since the epoch. */
  readonly closes: Readonly<Record<number, number>>;
  readonly closedAtMs: readonly { readonly token: string; readonly code: number; readonly atMs: number }[];
  /** The viewer count of the last frame that has one. */
  readonly watching: number | null;
  /** Latencies from sending to delivery. */
  readonly delays: LatencyPairs;
}

/** The counts of one client. */
export interface ClientStats {
  readonly connected: boolean;
  /** A hash of the delivered messages in their order. */
  readonly order: number;
  readonly shown: number;
  readonly duplicates: number;
  readonly disorders: number;
  readonly unseen: number;
  /** Deliveries without continuity. */
  readonly resets: number;
  readonly losses: number;
  /** From each loss of its connection to the welcome, ms. */
  readonly backMs: readonly number[];
  /** The longest possible reconnect delay, ms. */
  readonly spreadMs: number;
  readonly watching: number | null;
}

/** The counts of one process's clients. */
export interface ClientLoadStats {
  readonly people: readonly ClientStats[];
  /** Acknowledged messages, and those delivered to the first client. */
  readonly acknowledged: readonly string[];
  readonly refused: number;
  readonly shownToFirst: readonly string[];
}

/** The results by job. */
export interface FleetAnswers {
  readonly stats: SocketLoadStats;
  readonly "people-stats": ClientLoadStats;
  readonly open: null;
  readonly people: null;
  readonly write: null;
  readonly play: null;
  readonly clear: null;
  readonly close: null;
}
