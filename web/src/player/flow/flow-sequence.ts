/**
 * Which media of a player's responses is appended; pure. One response is active. A successor's media is held until the active
 * one's has reached its first keyframe, so that a switch of renditions has no hole; media that was appended already is left out,
 * so that a response that begins with the last keyframe continues one that was cut.
 */
import type { FlowItem, FlowMedia } from "../../../../core/delivery/flow/flow-splitter.ts";

/** Parts of one track whose beginnings differ by less are the same. */
const SAME_S = 0.005;
/** Items that a successor may hold: it is promoted within a segment. */
const MAX_HELD = 2_000;

/** A response by its number; `rendition` is what its pictures are in. */
export interface FlowSource {
  readonly id: number;
  readonly rendition: string | null;
}

/** See the file's first line. */
export class FlowSequence {
  #active: FlowSource | null = null;
  #next: { readonly source: FlowSource; readonly held: FlowItem[]; cutS: number | null } | null = null;
  /** Beginning and end of the newest media, by track; seconds. */
  readonly #newest: Record<FlowMedia["media"], { startS: number; endS: number } | null> = { video: null, audio: null };
  readonly #lead: FlowMedia["media"];

  /** `lead`: the track with keyframes. */
  constructor(lead: FlowMedia["media"]) {
    this.#lead = lead;
  }

  /** The response whose media is appended. */
  get active(): FlowSource | null {
    return this.#active;
  }

  get successor(): FlowSource | null {
    return this.#next?.source ?? null;
  }

  /** End of the newest media of the leading track, seconds; null before it. */
  get endS(): number | null {
    return this.#newest[this.#lead]?.endS ?? null;
  }

  /** From now on only `source` counts: it begins with a keyframe before or at the newest media. */
  replace(source: FlowSource): void {
    this.#next = null;
    this.#activate(source);
  }

  /** `source` takes over at its first keyframe. */
  follow(source: FlowSource): void {
    this.#next = { source, held: [], cutS: null };
  }

  /** What was let through was not appended. */
  forget(): void {
    this.#newest.video = null;
    this.#newest.audio = null;
  }

  /** What to append of the items that response `id` has brought. */
  push(id: number, items: readonly FlowItem[]): FlowItem[] {
    const next = this.#next;
    if (id === next?.source.id) {
      for (const item of items) {
        if (next.held.length >= MAX_HELD) break;
        next.held.push(item);
        if (item.kind === "media" && item.media === this.#lead) next.cutS ??= item.startS;
      }
      const { endS } = this;
      return next.cutS !== null && endS !== null && endS >= next.cutS - SAME_S ? this.#promote() : [];
    }
    if (id !== this.#active?.id) return [];
    const out: FlowItem[] = [];
    for (const item of items) {
      if (this.#isBeyondCut(item)) return [...out, ...this.#promote()];
      if (this.#isNew(item)) out.push(item);
    }
    const cutS = this.#next?.cutS ?? null;
    if (cutS !== null && this.endS !== null && this.endS >= cutS - SAME_S) out.push(...this.#promote());
    return out;
  }

  /** Response `id` is over: its successor has all that follows. */
  end(id: number): FlowItem[] {
    if (id === this.#next?.source.id) this.#next = null;
    if (id !== this.#active?.id) return [];
    return this.#next === null ? [] : this.#promote();
  }

  #promote(): FlowItem[] {
    const next = this.#next;
    if (next === null) return [];
    this.#next = null;
    this.#activate(next.source);
    return next.held.filter((item) => this.#isNew(item));
  }

  #activate(source: FlowSource): void {
    // Pictures of another rendition replace those that were appended from its first keyframe on.
    if (source.rendition !== this.#active?.rendition) this.#newest[this.#lead] = null;
    this.#active = source;
  }

  #isBeyondCut(item: FlowItem): boolean {
    const cutS = this.#next?.cutS ?? null;
    return cutS !== null && item.kind === "media" && item.media === this.#lead && item.startS >= cutS - SAME_S;
  }

  #isNew(item: FlowItem): boolean {
    if (item.kind !== "media") return true;
    const newest = this.#newest[item.media];
    if (newest !== null && item.startS <= newest.startS + SAME_S) return false;
    this.#newest[item.media] = { startS: item.startS, endS: item.startS + item.durationS };
    return true;
  }
}
