/** Requests parked until a track reaches a target; they are woken together and never poll. */
import type { TrackName } from "../kit/ids.ts";
import type { TrackState } from "./broadcast-log.ts";

/** The target of a parked request: a part, a whole segment, or a part that may be skipped. */
export type WaitTarget =
  | { readonly kind: "part"; readonly msn: number; readonly part: number }
  | { readonly kind: "segment"; readonly msn: number }
  | { readonly kind: "settled"; readonly msn: number; readonly part: number };

/** Whether the track has reached a target. */
export function hasReached(state: TrackState, target: WaitTarget): boolean {
  const last = state.segments.at(-1);
  if (last === undefined) return state.mediaSequence > target.msn;
  if (last.msn !== target.msn) return last.msn > target.msn;
  switch (target.kind) {
    case "segment":
      return last.closed;
    case "part":
      return last.parts.length > target.part;
    case "settled":
      return last.closed || last.parts.length > target.part;
  }
}

function targetKey(target: WaitTarget): string {
  const { kind, msn } = target;
  return kind === "segment" ? `${kind} ${msn}` : `${kind} ${msn}.${target.part}`;
}

interface ParkedGroup {
  readonly target: WaitTarget;
  readonly wakers: Set<() => void>;
}

/** The parked requests of one replica, grouped by track and target: an entry costs one test per target, not per viewer. */
export class ParkedRequests {
  readonly #tracks = new Map<TrackName, Map<string, ParkedGroup>>();
  #count = 0;

  /** Number of parked requests. */
  get count(): number {
    return this.#count;
  }

  /** Parks `wake` until `track` reaches `target`; returns the function that withdraws it, which must always be called. */
  park(track: TrackName, target: WaitTarget, wake: () => void): () => void {
    const groups = this.#tracks.get(track) ?? new Map<string, ParkedGroup>();
    this.#tracks.set(track, groups);
    const key = targetKey(target);
    const parked = groups.get(key) ?? { target, wakers: new Set() };
    groups.set(key, parked);
    const { wakers } = parked;
    wakers.add(wake);
    this.#count += 1;
    return () => {
      if (!wakers.delete(wake)) return;
      this.#count -= 1;
      if (wakers.size === 0 && groups.get(key)?.wakers === wakers) groups.delete(key);
    };
  }

  /** Wakes the requests whose target `state` has reached. */
  wake(track: TrackName, state: TrackState): void {
    const groups = this.#tracks.get(track);
    if (groups === undefined) return;
    for (const [key, { target, wakers }] of groups) {
      if (!hasReached(state, target)) continue;
      groups.delete(key);
      this.#wakeGroup(wakers);
    }
  }

  /** Wakes all requests: the broadcast ended, or another replica replaces this one. */
  wakeAll(): void {
    const all = [...this.#tracks.values()].flatMap((groups) => [...groups.values()]);
    this.#tracks.clear();
    for (const { wakers } of all) this.#wakeGroup(wakers);
  }

  #wakeGroup(wakers: Set<() => void>): void {
    const woken = [...wakers];
    this.#count -= woken.length;
    wakers.clear();
    for (const wake of woken) wake();
  }
}
