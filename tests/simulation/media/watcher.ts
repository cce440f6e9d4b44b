/** What checkers know of whoever watches: a player of playlists, or one of flow. */
import type { SimulatedProcess } from "../kernel/process.ts";
import type { Simulation } from "../kernel/simulation.ts";
import type { EdgeFleet } from "./edge-fleet.ts";
import type { Ledger } from "./ledger.ts";
import type { PlaylistJudge } from "./playlist-judge.ts";

/** Somebody who watches. */
export interface Watcher {
  readonly process: SimulatedProcess;
  /** The viewer goes away without a word. */
  vanish(): void;
}

/** What viewers of a run share. */
export interface ViewerWorld {
  readonly simulation: Simulation;
  readonly fleet: EdgeFleet;
  readonly ledger: Ledger;
  readonly judge: PlaylistJudge;
  /** A viewer got a whole answer; checkers look at it. */
  answered(viewer: Watcher, path: string, status: number): void;
  /** Media has left an isolate in the body of a flow response. */
  flowed(viewer: Watcher, path: string): void;
  /** A viewer met what it may meet only while something is wrong. */
  disturbed(viewer: Watcher, what: string): void;
}
