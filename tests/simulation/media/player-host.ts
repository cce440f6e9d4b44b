/** A viewer as the players of its tracks use it. */
import type { SimulatedProcess } from "../kernel/process.ts";
import type { Simulation } from "../kernel/simulation.ts";
import type { Ledger } from "./ledger.ts";
import type { PlaylistJudge } from "./playlist-judge.ts";

/** What a viewer does. */
export interface ViewerProfile {
  readonly stream: string;
  readonly site: string;
  /** Which of the variants it takes, counted from the best. */
  readonly variant: number;
  /** It asks for delta updates. */
  readonly usesDeltas: boolean;
  /** It plays whole segments, as players without low latency do. */
  readonly playsSegments: boolean;
  /** It requests hinted parts before they are listed. */
  readonly usesHints: boolean;
  /** Sent with each request, or null. */
  readonly token: string | null;
}

/** An answer, or what came instead. */
export interface ViewerAnswer {
  /** 0: no answer, or not all of it. */
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly retryAfterS: number | null;
  /** The isolate's life that answered. */
  readonly isolate: string;
}

/** What a player of one track needs of its viewer. */
export interface PlayerHost {
  readonly process: SimulatedProcess;
  readonly profile: ViewerProfile;
  readonly world: { readonly simulation: Simulation; readonly ledger: Ledger; readonly judge: PlaylistJudge };
  /** Requests a path. Never rejects. */
  get(path: string): Promise<ViewerAnswer>;
  /** Waits; never comes back where the viewer has gone. */
  sleep(ms: number): Promise<void>;
  /** The viewer met what it may meet only while something is wrong. */
  disturbed(what: string): void;
}
