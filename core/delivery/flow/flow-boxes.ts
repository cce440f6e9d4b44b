/** Boxes of a flow response: the init section of its tracks, fragments with its track ids, clock references and events. */
import { concatBytes } from "../../kit/bytes.ts";
import { CmafError } from "../../media/cmaf/errors.ts";
import { type FragmentTiming, readFragmentTiming } from "../../media/cmaf/fragment-timing.ts";
import { trackIdsOf } from "../../media/cmaf/init.ts";
import { muxInitSections } from "../../media/cmaf/mux-init.ts";

/** The `scheme_id_uri` of flow's events: their data are JSON, see `FlowEvent`. */
export const FLOW_EVENT_SCHEME = "urn:corral:flow";

/** What a flow response says between its media. */
export type FlowEvent =
  /** Everything published so far has been sent. */
  | { readonly kind: "caught-up" }
  /** Media was left out: the viewer was too slow, or it is missing. Playback goes on at the next keyframe. */
  | { readonly kind: "skip" }
  /**
   * The stream's status, in the format of `GET /api/streams/{stream}`, and when it was written: `atMs`, milliseconds since the
   * epoch. Sent when a viewer has caught up, and when it has changed.
   */
  | { readonly kind: "status"; readonly atMs: number; readonly status: object }
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

/** A response's init section, and the ids of its tracks; 0: as they are, since a muxed track has two. Throws `CmafError` for init sections that are malformed. */
export function writeFlowInit({ video, audio }: FlowInits): {
  readonly bytes: Uint8Array;
  readonly trackIds: { readonly video: number; readonly audio: number };
} {
  const videoIds = video === null ? [] : trackIdsOf(video);
  const videoId = videoIds[0] ?? 1;
  if (audio === null) {
    const isMuxed = videoIds.length > 1;
    return { bytes: video ?? new Uint8Array(0), trackIds: { video: isMuxed ? 0 : videoId, audio: 0 } };
  }
  if (video === null) return { bytes: audio, trackIds: { video: 0, audio: trackIdsOf(audio)[0] ?? 1 } };
  return { bytes: muxInitSections(video, audio), trackIds: { video: videoId, audio: videoId + 1 } };
}

/** Null if it is no fragment, or a malformed one: then it is sent as it is. */
function readFragmentStart(fragment: Uint8Array): FragmentTiming | null {
  try {
    return readFragmentTiming(fragment, () => 0);
  } catch (error) {
    if (error instanceof CmafError) return null;
    throw error;
  }
}

/** Fragments with another track id, by that id: one copy for all viewers that take it. */
const renumbered = new WeakMap<Uint8Array, Map<number, Uint8Array>>();

/** `fragment` with `trackId` in its first track; the same bytes if it has it, or for 0. */
export function withFragmentTrackId(fragment: Uint8Array, trackId: number): Uint8Array {
  if (trackId === 0) return fragment;
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
  view.setBigUint64(24, BigInt(Math.max(0, start.startTicks)));
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
