/**
 * A snapshot in a feed: `hello` announces it, init sections, packs of the past and segments of the tail follow in separate
 * messages, and `whole` ends it. So every message is short, for any window and number of tracks.
 */
import type { TrackName } from "../kit/ids.ts";
import type { BroadcastConfig, BroadcastSnapshot, TrackState } from "./broadcast-log.ts";
import { countPackSegments, joinPacks, type SegmentPack } from "./packed-segments.ts";
import type { SegmentState } from "./segment.ts";

/** The summary of the snapshot in `hello`: its frame, and the counts of its pieces. */
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

/** The headers of a snapshot's pieces. */
export type SnapshotPieceHeader =
  /** Body: the init section. */
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number }
  /** Body: the pack. */
  | { readonly kind: "past"; readonly track: TrackName; readonly first: number }
  | { readonly kind: "tail"; readonly track: TrackName; readonly segments: readonly SegmentState[] }
  | { readonly kind: "whole" };

/** Parts in one `tail` message, each of about 100 bytes; a segment's own fields count as three. */
const TAIL_MESSAGE_WEIGHT = 2_048;

/** The summary of a snapshot for `hello`. */
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

/** The messages after `hello`, with their bodies. */
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

/** A snapshot under assembly. */
export class SnapshotBuilder {
  readonly #head: SnapshotHead;
  readonly #offset: number;
  readonly #inits: { track: TrackName; version: number; bytes: Uint8Array }[] = [];
  readonly #tracks: Map<TrackName, { packs: SegmentPack[]; past: number; segments: SegmentState[] }>;

  /** `head`: the summary in `hello`; `offset`: of the last entry in it. */
  constructor(head: SnapshotHead, offset: number) {
    this.#head = head;
    this.#offset = offset;
    this.#tracks = new Map(head.tracks.map(({ name }) => [name, { packs: [], past: 0, segments: [] }]));
  }

  /** Adds a piece; false if it is one too many, or of an unannounced track. */
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

  /** The snapshot, or null if pieces are missing. */
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
