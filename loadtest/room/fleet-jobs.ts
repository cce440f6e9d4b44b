/** What a crowd's processes are asked to do, and what they answer. */
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
  /** So many of them have a token each, and write. */
  readonly tokens: readonly string[];
  /** Sockets opened in a second. */
  readonly perSecond: number;
}

/** Viewers as the product's own client has them, for what must be right rather than many. */
export interface ClientLoadJob {
  readonly do: "people";
  readonly server: string;
  readonly room: string;
  readonly viewers: number;
  readonly tokens: readonly string[];
  readonly perSecond: number;
}

/** All jobs by what is asked. */
export type FleetJob =
  | SocketLoadJob
  | ClientLoadJob
  /** The writers write so many messages a second between them, until told otherwise; 0: no more. */
  | { readonly do: "write"; readonly perSecond: number }
  /** A share (0–1) of the viewers plays and beats; the others don't, and say nothing about it. */
  | { readonly do: "play"; readonly share: number }
  /** What happened since the last `clear`. */
  | { readonly do: "stats" }
  | { readonly do: "clear" }
  | { readonly do: "people-stats" }
  | { readonly do: "close" };

/** What the sockets of a process have seen. */
export interface SocketLoadStats {
  /** Sockets in the room now. */
  readonly ready: number;
  readonly frames: number;
  readonly bytes: number;
  /** Messages shown, summed over all viewers. */
  readonly delivered: number;
  readonly sent: number;
  readonly acknowledged: number;
  /** Frames that didn't join on to what the viewer had, and frames that told nothing new. */
  readonly holes: number;
  readonly repeats: number;
  /** Viewers whom the room sent to another of its shards, and who went. */
  readonly moved: number;
  /** Other closes by code, and when the first of each came, ms since the epoch. */
  readonly closes: Readonly<Record<number, number>>;
  readonly closedAtMs: readonly { readonly token: string; readonly code: number; readonly atMs: number }[];
  /** People watching, as the last frame that told it said. */
  readonly watching: number | null;
  /** From sending to seeing. */
  readonly delays: LatencyPairs;
}

/** What one person's client gave. */
export interface ClientStats {
  readonly connected: boolean;
  /** A hash over the messages shown, in their order. */
  readonly order: number;
  readonly shown: number;
  readonly duplicates: number;
  readonly disorders: number;
  readonly unseen: number;
  /** Times the client had to begin anew. */
  readonly resets: number;
  readonly losses: number;
  /** From each loss of its connection to the welcome, ms. */
  readonly backMs: readonly number[];
  /** The longest wait that its jitter could have chosen, ms. */
  readonly spreadMs: number;
  readonly watching: number | null;
}

/** What the people of a process have seen. */
export interface ClientLoadStats {
  readonly people: readonly ClientStats[];
  /** Messages that were acknowledged, and those that were shown to the first person. */
  readonly acknowledged: readonly string[];
  readonly refused: number;
  readonly shownToFirst: readonly string[];
}

/** The answers by job. */
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
