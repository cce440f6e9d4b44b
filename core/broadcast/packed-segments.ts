/**
 * The segments of a window before its tail: stored and immutable. A day of them is packed into 32 bytes each, in packs of
 * fixed alignment, so that a replica's memory, a snapshot and a playlist's text are shared per pack. Values: a change
 * creates new objects that share the unchanged packs.
 */
import type { PartState, SegmentState } from "./segment.ts";

/** Segments per pack: its first `msn` is a multiple of it, except in the first pack of a window. */
export const SEGMENTS_PER_PACK = 512;
/** Bytes of one segment in a pack. */
const PACKED_SEGMENT_BYTES = 32;

const DISCONTINUITY_FLAG = 1;
const GAP_FLAG = 2;
/** Parts were removed with the tail and are not named any more. */
const NO_PARTS: readonly PartState[] = [];

/** Consecutive segments. */
export interface SegmentPack {
  /** `msn` of its first segment. */
  readonly first: number;
  /** `PACKED_SEGMENT_BYTES` each, in order. */
  readonly bytes: Uint8Array;
}

/** Consecutive packs, none of them empty. */
export interface PackedSegments {
  readonly packs: readonly SegmentPack[];
  readonly length: number;
  /** Sum over its segments. */
  readonly durationTicks: number;
}

/** The past of a window whose segments are all in its tail. */
export const NO_PACKED_SEGMENTS: PackedSegments = { packs: [], length: 0, durationTicks: 0 };

/** Segments in a pack. */
export const countPackSegments = ({ bytes }: SegmentPack): number => bytes.byteLength / PACKED_SEGMENT_BYTES;

/** One segment of a pack; `index` is within it. */
export function unpackSegment({ first, bytes }: SegmentPack, index: number): SegmentState {
  const view = segmentView(bytes, index);
  const iframeBytes = view.getUint32(20);
  const flags = view.getUint32(28);
  return {
    msn: first + index,
    start: {
      programTimeMs: view.getFloat64(0),
      initVersion: view.getUint32(24),
      discontinuity: (flags & DISCONTINUITY_FLAG) !== 0,
    },
    parts: NO_PARTS,
    durationTicks: view.getFloat64(8),
    byteLength: view.getUint32(16),
    gap: (flags & GAP_FLAG) !== 0,
    closed: true,
    ...(iframeBytes === 0 ? {} : { iframeBytes }),
    durable: true,
  };
}

/** The segments of a pack, in order. */
export function* unpackSegments(pack: SegmentPack): Generator<SegmentState> {
  for (let index = 0; index < countPackSegments(pack); index += 1) yield unpackSegment(pack, index);
}

/** The segment `msn`, or undefined if it is not included. */
export function findPackedSegment({ packs }: PackedSegments, msn: number): SegmentState | undefined {
  const first = packs[0]?.first ?? 0;
  const pack = packs[Math.floor(msn / SEGMENTS_PER_PACK) - Math.floor(first / SEGMENTS_PER_PACK)];
  if (pack === undefined || msn < pack.first || msn >= pack.first + countPackSegments(pack)) return undefined;
  return unpackSegment(pack, msn - pack.first);
}

/** Appends closed segments that follow the last one. */
export function appendPackedSegments(current: PackedSegments, segments: readonly SegmentState[]): PackedSegments {
  if (segments.length === 0) return current;
  const packs = current.packs.slice();
  let { durationTicks } = current;
  for (let from = 0; from < segments.length; ) {
    const { msn } = segments[from] as SegmentState;
    const room = SEGMENTS_PER_PACK - (msn % SEGMENTS_PER_PACK);
    const some = segments.slice(from, from + room);
    const open = msn % SEGMENTS_PER_PACK === 0 ? undefined : packs.pop();
    packs.push({ first: open?.first ?? msn, bytes: encodeSegments(open?.bytes ?? new Uint8Array(0), some) });
    for (const segment of some) durationTicks += segment.durationTicks;
    from += some.length;
  }
  return { packs, length: current.length + segments.length, durationTicks };
}

/** Removes the first `count` segments. */
export function dropPackedSegments(current: PackedSegments, count: number): PackedSegments {
  let left = count;
  let { durationTicks } = current;
  const packs: SegmentPack[] = [];
  for (const pack of current.packs) {
    const leaving = Math.min(left, countPackSegments(pack));
    left -= leaving;
    for (let index = 0; index < leaving; index += 1) durationTicks -= segmentView(pack.bytes, index).getFloat64(8);
    if (leaving === 0) packs.push(pack);
    else if (leaving < countPackSegments(pack)) {
      packs.push({ first: pack.first + leaving, bytes: pack.bytes.slice(leaving * PACKED_SEGMENT_BYTES) });
    }
  }
  return { packs, length: current.length - count, durationTicks };
}

/** Packs from received bytes; null if they are incomplete, not consecutive or misaligned. */
export function joinPacks(packs: readonly SegmentPack[]): PackedSegments | null {
  let [length, durationTicks, next] = [0, 0, packs[0]?.first ?? 0];
  for (const pack of packs) {
    const { first, bytes } = pack;
    const count = countPackSegments(pack);
    if (first !== next || !Number.isInteger(count) || count === 0) return null;
    if ((first % SEGMENTS_PER_PACK) + count > SEGMENTS_PER_PACK) return null;
    // Only the first and the last pack may be partial.
    if (length > 0 && first % SEGMENTS_PER_PACK !== 0) return null;
    for (let index = 0; index < count; index += 1) durationTicks += segmentView(bytes, index).getFloat64(8);
    length += count;
    next += count;
  }
  return { packs, length, durationTicks };
}

function encodeSegments(before: Uint8Array, segments: readonly SegmentState[]): Uint8Array {
  const bytes = new Uint8Array(before.byteLength + segments.length * PACKED_SEGMENT_BYTES);
  bytes.set(before);
  const held = before.byteLength / PACKED_SEGMENT_BYTES;
  for (const [index, { start, parts, durationTicks, byteLength, gap, iframeBytes }] of segments.entries()) {
    const view = segmentView(bytes, held + index);
    view.setFloat64(0, start.programTimeMs);
    view.setFloat64(8, durationTicks);
    view.setUint32(16, byteLength);
    // The prefix that decodes to the first picture is that of the first part, whose size is not stored.
    view.setUint32(20, parts[0]?.gap === true ? 0 : (iframeBytes ?? 0));
    view.setUint32(24, start.initVersion);
    view.setUint32(28, (start.discontinuity ? DISCONTINUITY_FLAG : 0) | (gap ? GAP_FLAG : 0));
  }
  return bytes;
}

const segmentView = (bytes: Uint8Array, index: number): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset + index * PACKED_SEGMENT_BYTES, PACKED_SEGMENT_BYTES);
