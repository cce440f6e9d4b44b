/** Which playing viewers count: all with an account, and a limited number of the others for each network. */
import { ROOM_LIMITS } from "../room-limits.ts";

/** A viewer who plays. `network`: null with an account. `countedAs`: undefined without a key of the edge. */
export interface PlayingViewer {
  readonly key: string;
  readonly countedAs: string | undefined;
  readonly network: string | null;
}

/** The counted viewers, and how many do not count. */
export interface PlaybackCount {
  /** By viewer key: the name in the estimate of distinct viewers. */
  readonly counted: ReadonlyMap<string, string>;
  readonly uncounted: number;
}

/** A network's limit of viewers without an account at one of `shards`: together the shards reach the room's limit. */
export function anonymousViewersPerShard(shards: number): number {
  return Math.ceil(ROOM_LIMITS.anonymousViewersPerNetwork / Math.max(1, shards));
}

/** Counts the viewers who play at one of `shards`; each viewer counts once. */
export function countPlayingViewers(playing: Iterable<PlayingViewer>, shards: number): PlaybackCount {
  const limit = anonymousViewersPerShard(shards);
  const counted = new Map<string, string>();
  const uncounted = new Set<string>();
  const perNetwork = new Map<string, number>();
  for (const { key, countedAs, network } of playing) {
    if (counted.has(key)) continue;
    const before = network === null ? 0 : (perNetwork.get(network) ?? 0);
    if (countedAs === undefined || before >= limit) {
      uncounted.add(key);
      continue;
    }
    if (network !== null) perNetwork.set(network, before + 1);
    counted.set(key, countedAs);
  }
  for (const key of counted.keys()) uncounted.delete(key);
  return { counted, uncounted: uncounted.size };
}
