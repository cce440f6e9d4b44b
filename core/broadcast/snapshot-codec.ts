/**
 * A snapshot on its way: `hello` says what comes, then init sections, packs of the past and segments of the tail follow in
 * messages of their own, and `whole` ends it. However long the window is and however many tracks it has, no message is.
 */
import type { TrackName } from "../kit/ids.ts";
import type { BroadcastConfig, TrackState } from "./broadcast-log.ts";
import { countPackSegments, joinPacks, type SegmentPack } from "./packed-segments.ts";
import type { BroadcastSnapshot } from "./replica.ts";
import type { SegmentState } from "./segment.ts";

/** What `hello` says of the snapshot that follows: its frame, and the counts of what fills it. */
export interface SnapshotHead {
  readonly config: BroadcastConfig;
  readonly ended: boolean;
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly mediaSequence: number;
    readonly discontinuitySequence: number;
    readonly past: number;
    readonly segments: number;
  }[];
  readonly inits: number;
}

/** The headers of the messages that fill a snapshot. */
export type SnapshotPieceHeader =
  /** Body: the init section. */
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number }
  /** Body: the pack. */
  | { readonly kind: "past"; readonly track: TrackName; readonly first: number }
  | { readonly kind: "tail"; readonly track: TrackName; readonly segments: readonly SegmentState[] }
  | { readonly kind: "whole" };

/** Parts that one `tail` message tells of, each in about 100 bytes; a segment's own fields count as three. */
const TAIL_MESSAGE_WEIGHT = 2_048;

/** What a snapshot's `hello` says of it. */
export function describeSnapshot({ config, ended, tracks, inits }: BroadcastSnapshot): SnapshotHead {
  return {
    config,
    ended,
    tracks: tracks.map(({ track, packed, segments, mediaSequence, discontinuitySequence }) => ({
      name: track.name,
      mediaSequence,
      discontinuitySequence,
      past: packed.length,
      segments: segments.length,
    })),
    inits: inits.length,
  };
}

/** The messages that follow `hello`, with their bodies. */
export function* splitSnapshot({
  tracks,
  inits,
}: BroadcastSnapshot): Generator<readonly [SnapshotPieceHeader, Uint8Array?]> {
  for (const { track, version, bytes } of inits) yield [{ kind: "init", track, version }, bytes];
  for (const { track, packed, segments } of tracks) {
    for (const { first, bytes } of packed.packs) yield [{ kind: "past", track: track.name, first }, bytes];
    for (const some of splitTailSegments(segments)) yield [{ kind: "tail", track: track.name, segments: some }];
  }
  yield [{ kind: "whole" }];
}

function* splitTailSegments(segments: readonly SegmentState[]): Generator<readonly SegmentState[]> {
  let some: SegmentState[] = [];
  let weight = 0;
  for (const segment of segments) {
    const more = 3 + segment.parts.length;
    if (weight + more > TAIL_MESSAGE_WEIGHT) {
      yield some;
      [some, weight] = [[], 0];
    }
    some.push(segment);
    weight += more;
  }
  if (some.length > 0) yield some;
}

/** A snapshot as its pieces come. */
export class SnapshotBuilder {
  readonly #head: SnapshotHead;
  readonly #offset: number;
  readonly #inits: { track: TrackName; version: number; bytes: Uint8Array }[] = [];
  readonly #tracks: Map<TrackName, { packs: SegmentPack[]; past: number; segments: SegmentState[] }>;

  /** `head`: what `hello` said of it; `offset`: of the entry that it was taken after. */
  constructor(head: SnapshotHead, offset: number) {
    this.#head = head;
    this.#offset = offset;
    this.#tracks = new Map(head.tracks.map(({ name }) => [name, { packs: [], past: 0, segments: [] }]));
  }

  /** Takes a piece; false where it is one too many, or of a track that was not announced. */
  addPiece(piece: Exclude<SnapshotPieceHeader, { kind: "whole" }>, body: Uint8Array): boolean {
    const { track } = piece;
    const announced = this.#head.tracks.find(({ name }) => name === track);
    const held = this.#tracks.get(track);
    if (announced === undefined || held === undefined) return false;
    switch (piece.kind) {
      case "init":
        this.#inits.push({ track, version: piece.version, bytes: body });
        return this.#inits.length <= this.#head.inits;
      case "past": {
        const pack = { first: piece.first, bytes: body };
        held.packs.push(pack);
        held.past += countPackSegments(pack);
        return held.past <= announced.past;
      }
      case "tail":
        held.segments.push(...piece.segments);
        return held.segments.length <= announced.segments;
    }
  }

  /** The snapshot, or null where what came is not what was announced. */
  build(): BroadcastSnapshot | null {
    const { config, ended } = this.#head;
    if (this.#inits.length !== this.#head.inits || this.#head.tracks.length !== config.tracks.length) return null;
    const tracks: TrackState[] = [];
    for (const track of config.tracks) {
      const announced = this.#head.tracks.find(({ name }) => name === track.name);
      const held = this.#tracks.get(track.name);
      if (announced === undefined || held === undefined || held.segments.length !== announced.segments) return null;
      const past = joinPacks(held.packs);
      const { mediaSequence, discontinuitySequence } = announced;
      if (past?.length !== announced.past) return null;
      if (past.length > 0 && past.packs[0]?.first !== mediaSequence) return null;
      const from = mediaSequence + past.length;
      if (held.segments.some(({ msn }, index) => msn !== from + index)) return null;
      tracks.push({ track, packed: past, segments: held.segments, mediaSequence, discontinuitySequence });
    }
    return { config, offset: this.#offset, ended, tracks, inits: this.#inits };
  }
}
