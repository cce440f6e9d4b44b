/** Boxes of a flow response: the init section of its tracks, fragments with its track ids, clock references and events. */
import { concatBytes } from "../../kit/bytes.ts";
import { type BoxSpan, forEachBox, readU8, readU32, readU64 } from "../../media/cmaf/bytes.ts";
import { CmafError } from "../../media/cmaf/errors.ts";
import { initSpan, trackIdsOf } from "../../media/cmaf/init.ts";
import { muxInitSections } from "../../media/cmaf/mux-init.ts";

/** The `scheme_id_uri` of flow's events: their data are JSON, see `FlowEvent`. */
export const FLOW_EVENT_SCHEME = "urn:corral:flow";

/** What a flow response says between its media. */
export type FlowEvent =
  /** Everything published so far has been sent. */
  | { readonly kind: "caught-up" }
  /** Media was left out: the viewer was too slow, or it is missing. Playback goes on at the next keyframe. */
  | { readonly kind: "skip" }
  /** The stream's state, and its viewers where they are known. */
  | { readonly kind: "status"; readonly state: "live" | "ended"; readonly viewers?: number }
  /** The response ends; see `FlowEnd`. */
  | { readonly kind: "bye"; readonly reason: FlowEnd };

/**
 * Why a flow response ends. `ended`: the broadcast has; `replaced`: another one has begun; `init`: a track needs another init
 * section, so ask again; `malformed`: a track's init section is; `refused`: the viewer may not watch any more; `renew`: ask
 * again, a response has a longest duration.
 */
export type FlowEnd = "ended" | "replaced" | "init" | "malformed" | "refused" | "renew";

/** Init sections of a response's tracks; null for one that it does not have. */
export interface FlowInits {
  readonly video: Uint8Array | null;
  readonly audio: Uint8Array | null;
}

/** A response's init section, and the ids of its tracks. Throws `CmafError` for init sections that are malformed. */
export function writeFlowInit({ video, audio }: FlowInits): {
  readonly bytes: Uint8Array;
  readonly trackIds: { readonly video: number; readonly audio: number };
} {
  const videoId = video === null ? 0 : (trackIdsOf(video)[0] ?? 1);
  if (audio === null) return { bytes: video ?? new Uint8Array(0), trackIds: { video: videoId, audio: 0 } };
  if (video === null) return { bytes: audio, trackIds: { video: 0, audio: trackIdsOf(audio)[0] ?? 1 } };
  return { bytes: muxInitSections(video, audio), trackIds: { video: videoId, audio: videoId + 1 } };
}

/** The beginning of a fragment's first track. */
interface FragmentStart {
  readonly trackId: number;
  /** Offset of the track id. */
  readonly trackIdAt: number;
  /** Presentation time of the first sample, ticks. */
  readonly presentationTicks: number;
}

/** Null if it is no fragment, or a malformed one: then it is sent as it is. */
function readFragmentStart(fragment: Uint8Array): FragmentStart | null {
  try {
    return parseFragmentStart(fragment);
  } catch (error) {
    if (error instanceof CmafError) return null;
    throw error;
  }
}

function parseFragmentStart(fragment: Uint8Array): FragmentStart | null {
  let trackId: number | null = null;
  let trackIdAt = 0;
  let decodeTicks: number | null = null;
  let offset = 0;
  const visit = (type: string, box: BoxSpan): void => {
    if (decodeTicks !== null && type !== "trun") return;
    if (box.path === "init/moof" || box.path === "init/moof/traf") forEachBox(box, box.bodyStart, visit);
    else if (type === "tfhd") {
      trackIdAt = box.bodyStart + 4;
      trackId = readU32(box, trackIdAt);
    } else if (type === "tfdt") {
      const isLong = readU8(box, box.bodyStart) === 1;
      decodeTicks = isLong ? readU64(box, box.bodyStart + 4) : readU32(box, box.bodyStart + 4);
    } else if (type === "trun") offset = readFirstCtsOffset(box);
  };
  forEachBox(initSpan(fragment), 0, (type, box) => {
    if (type === "moof" && trackId === null) visit(type, box);
  });
  return trackId === null || decodeTicks === null
    ? null
    : { trackId, trackIdAt, presentationTicks: decodeTicks + offset };
}

/** Optional fields of `trun`, in order. */
const TRUN_FIELDS = {
  dataOffset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  cts: 0x800,
} as const;

/** Composition time offset of a run's first sample. */
function readFirstCtsOffset(trun: BoxSpan): number {
  const flags = readU32(trun, trun.bodyStart);
  if ((flags & TRUN_FIELDS.cts) === 0) return 0;
  let at = trun.bodyStart + 8;
  const { dataOffset, firstFlags, duration, size, flags: sampleFlags } = TRUN_FIELDS;
  for (const field of [dataOffset, firstFlags, duration, size, sampleFlags]) if ((flags & field) !== 0) at += 4;
  const value = readU32(trun, at);
  return flags >>> 24 === 1 ? value | 0 : value;
}

/** Fragments with another track id, by that id: one copy for all viewers that take it. */
const renumbered = new WeakMap<Uint8Array, Map<number, Uint8Array>>();

/** `fragment` with `trackId` in its first track; the same bytes if it has it. */
export function withFragmentTrackId(fragment: Uint8Array, trackId: number): Uint8Array {
  const copies = renumbered.get(fragment) ?? new Map<number, Uint8Array>();
  const known = copies.get(trackId);
  if (known !== undefined) return known;
  const start = readFragmentStart(fragment);
  const isSame = start === null || start.trackId === trackId;
  const copy = isSame ? fragment : fragment.slice();
  if (!isSame) new DataView(copy.buffer).setUint32(start.trackIdAt, trackId);
  renumbered.set(fragment, copies.set(trackId, copy));
  return copy;
}

/** Seconds from 1900, where NTP begins, to 1970. */
export const NTP_EPOCH_S = 2_208_988_800;

/** `prft`, version 1: `fragment` begins at `programTimeMs`, milliseconds since the epoch. Empty if it is no fragment. */
export function writeClockReference(fragment: Uint8Array, programTimeMs: number): Uint8Array {
  const start = readFragmentStart(fragment);
  if (start === null) return new Uint8Array(0);
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.byteLength);
  view.setUint32(4, 0x70726674);
  // Flags 0: the time at which the encoder took the picture.
  view.setUint32(8, 0x01000000);
  view.setUint32(12, start.trackId);
  const ntpS = programTimeMs / 1000 + NTP_EPOCH_S;
  view.setUint32(16, Math.floor(ntpS));
  view.setUint32(20, Math.floor((ntpS % 1) * 2 ** 32));
  view.setBigUint64(24, BigInt(Math.max(0, start.presentationTicks)));
  return bytes;
}

const encoder = new TextEncoder();

/** `emsg`, version 1, at media time 0: events of flow are for now. */
export function writeFlowEvent(event: FlowEvent): Uint8Array {
  const scheme = encoder.encode(`${FLOW_EVENT_SCHEME}\0`);
  const { kind } = event;
  const value = encoder.encode(`${kind}\0`);
  const data = encoder.encode(JSON.stringify(event));
  const head = new Uint8Array(32);
  const view = new DataView(head.buffer);
  view.setUint32(0, head.byteLength + scheme.byteLength + value.byteLength + data.byteLength);
  view.setUint32(4, 0x656d7367);
  view.setUint32(8, 0x01000000);
  view.setUint32(12, 1000); // timescale
  view.setUint32(24, 0xffffffff); // unknown duration
  return concatBytes([head, scheme, value, data]);
}
