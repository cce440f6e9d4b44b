/** Requests parked until a track reaches a place; woken together, never polling. */
import type { TrackName } from "../ids.ts";
import type { TrackState } from "./log.ts";

/** What a request waits for: a part, the whole of a segment, or a part that may also turn out never to come. */
export type Place =
  | { readonly kind: "part"; readonly msn: number; readonly part: number }
  | { readonly kind: "segment"; readonly msn: number }
  | { readonly kind: "settled"; readonly msn: number; readonly part: number };

/** Whether the track has come to a place. */
export function reached(state: TrackState, place: Place): boolean {
  const last = state.segments.at(-1);
  if (last === undefined) return state.mediaSequence > place.msn;
  if (last.msn !== place.msn) return last.msn > place.msn;
  switch (place.kind) {
    case "segment":
      return last.closed;
    case "part":
      return last.parts.length > place.part;
    case "settled":
      return last.closed || last.parts.length > place.part;
  }
}

interface Parked {
  readonly place: Place;
  readonly wakers: Set<() => void>;
}

/** The parked requests of one replica, grouped by track and place: an entry costs one test a place, not one a viewer. */
export class Waiters {
  readonly #tracks = new Map<TrackName, Map<string, Parked>>();
  #count = 0;

  /** Requests parked now. */
  get count(): number {
    return this.#count;
  }

  /** Parks `wake` until `track` comes to `place`; the answer takes it out again (call it in any case). */
  park(track: TrackName, place: Place, wake: () => void): () => void {
    const places = this.#tracks.get(track) ?? new Map<string, Parked>();
    this.#tracks.set(track, places);
    const key = `${place.kind} ${place.msn}.${place.kind === "segment" ? "" : place.part}`;
    const parked = places.get(key) ?? { place, wakers: new Set() };
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
    for (const [key, { place, wakers }] of places) {
      if (!reached(state, place)) continue;
      places.delete(key);
      this.#release(wakers);
    }
  }

  /** Wakes everybody: the broadcast ended, or this replica gives way to another. */
  wakeAll(): void {
    const all = [...this.#tracks.values()].flatMap((places) => [...places.values()]);
    this.#tracks.clear();
    for (const { wakers } of all) this.#release(wakers);
  }

  #release(wakers: Set<() => void>): void {
    const woken = [...wakers];
    this.#count -= woken.length;
    wakers.clear();
    for (const wake of woken) wake();
  }
}
