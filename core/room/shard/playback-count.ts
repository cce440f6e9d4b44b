/** Who of those that play is counted: all who have an account, and of each network so many of the others. */
import { ROOM_LIMITS } from "../room-limits.ts";

/** One who plays. `network`: null for one with an account. `countedAs`: absent where it showed no key of the edge. */
export interface PlayingViewer {
  readonly key: string;
  readonly countedAs: string | undefined;
  readonly network: string | null;
}

/** Who counts, as whom, and how many don't. */
export interface PlaybackCount {
  /** By the viewer's key: what it is in the estimate of different people. */
  readonly counted: ReadonlyMap<string, string>;
  readonly uncounted: number;
}

/** Viewers without an account that one of `shards` counts of a network, so that all of them together count a room's part. */
export function anonymousViewersPerShard(shards: number): number {
  return Math.ceil(ROOM_LIMITS.anonymousViewersPerNetwork / Math.max(1, shards));
}

/** Counts those who play at one of `shards`; whoever plays twice counts once. */
export function countPlayingViewers(playing: Iterable<PlayingViewer>, shards: number): PlaybackCount {
  const most = anonymousViewersPerShard(shards);
  const counted = new Map<string, string>();
  const without = new Set<string>();
  const perNetwork = new Map<string, number>();
  for (const { key, countedAs, network } of playing) {
    if (counted.has(key)) continue;
    const before = network === null ? 0 : (perNetwork.get(network) ?? 0);
    if (countedAs === undefined || before >= most) {
      without.add(key);
      continue;
    }
    if (network !== null) perNetwork.set(network, before + 1);
    counted.set(key, countedAs);
  }
  for (const key of counted.keys()) without.delete(key);
  return { counted, uncounted: without.size };
}
