/** Requests parked until a track reaches a place; woken together, never polling. */
import type { TrackName } from "../kit/ids.ts";
import type { TrackState } from "./broadcast-log.ts";

/** What a request waits for: a part, the whole of a segment, or a part that may also turn out never to come. */
export type WaitTarget =
  | { readonly kind: "part"; readonly msn: number; readonly part: number }
  | { readonly kind: "segment"; readonly msn: number }
  | { readonly kind: "settled"; readonly msn: number; readonly part: number };

/** Whether the track has come to a place. */
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

interface ParkedGroup {
  readonly target: WaitTarget;
  readonly wakers: Set<() => void>;
}

/** The parked requests of one replica, grouped by track and place: an entry costs one test a place, not one a viewer. */
export class ParkedRequests {
  readonly #tracks = new Map<TrackName, Map<string, ParkedGroup>>();
  #count = 0;

  /** Requests parked now. */
  get count(): number {
    return this.#count;
  }

  /** Parks `wake` until `track` comes to `place`; the answer takes it out again (call it in any case). */
  park(track: TrackName, target: WaitTarget, wake: () => void): () => void {
    const places = this.#tracks.get(track) ?? new Map<string, ParkedGroup>();
    this.#tracks.set(track, places);
    const key = `${target.kind} ${target.msn}.${target.kind === "segment" ? "" : target.part}`;
    const parked = places.get(key) ?? { target, wakers: new Set() };
    places.set(key, parked);
    const { wakers } = parked;
    wakers.add(wake);
    this.#count += 1;
    return () => {
      if (!wakers.delete(wake)) return;
      this.#count -= 1;
      if (wakers.size === 0 && places.get(key)?.wakers === wakers) places.delete(key);
    };
  }

  /** Wakes those whose place `state` has come to. */
  wake(track: TrackName, state: TrackState): void {
    const places = this.#tracks.get(track);
    if (places === undefined) return;
    for (const [key, { target, wakers }] of places) {
      if (!hasReached(state, target)) continue;
      places.delete(key);
      this.#wakeGroup(wakers);
    }
  }

  /** Wakes everybody: the broadcast ended, or this replica gives way to another. */
  wakeAll(): void {
    const all = [...this.#tracks.values()].flatMap((places) => [...places.values()]);
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
