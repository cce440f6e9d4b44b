/** Splits a flow response into what a player appends and reads: the inverse of `flow-boxes.ts`. */
import { concatBytes } from "../../kit/bytes.ts";
import { BoxSplitter, type TopLevelBox } from "../../media/cmaf/box-splitter.ts";
import { readU8, readU32, readU64 } from "../../media/cmaf/bytes.ts";
import { type InitTrack, splitInitSection } from "../../media/cmaf/demux-init.ts";
import { CmafError } from "../../media/cmaf/errors.ts";
import { readFragmentTiming } from "../../media/cmaf/fragment-timing.ts";
import { initSpan } from "../../media/cmaf/init.ts";
import { FLOW_EVENT_SCHEME, type FlowEnd, type FlowEvent, NTP_EPOCH_S } from "./flow-boxes.ts";

/** `moof` and `mdat` of one track. Seconds of the media's timeline. */
export interface FlowMedia {
  readonly kind: "media";
  readonly media: InitTrack["kind"];
  readonly bytes: Uint8Array;
  /** Presentation time of the first sample. */
  readonly startS: number;
  readonly durationS: number;
}

/** What a response consists of. */
export type FlowItem =
  /** `bytes`: the init section of all tracks. A muxed track's fragments belong to it, and are `video`. */
  | { readonly kind: "init"; readonly tracks: readonly InitTrack[]; readonly bytes: Uint8Array }
  | FlowMedia
  /** The program time, milliseconds since the epoch, at a time of the media. */
  | { readonly kind: "clock"; readonly mediaS: number; readonly programTimeMs: number }
  | { readonly kind: "event"; readonly event: FlowEvent };

/** Incremental; memory is bounded by `CMAF_LIMITS`: one box, and a `moof` that waits for its `mdat`. */
export class FlowSplitter {
  readonly #boxes = new BoxSplitter("flow");
  #tracks = new Map<number, InitTrack>();
  #ftyp: Uint8Array = new Uint8Array(0);
  #moof: Uint8Array | null = null;

  /** The items that `chunk` completes. Throws `CmafError` for a response that is malformed. */
  push(chunk: Uint8Array): FlowItem[] {
    return this.#boxes.push(chunk).flatMap((box) => this.#read(box) ?? []);
  }

  #read(box: TopLevelBox): FlowItem | null {
    switch (box.type) {
      case "ftyp":
        this.#ftyp = box.bytes;
        return null;
      case "moov": {
        const bytes = concatBytes([this.#ftyp, box.bytes]);
        const tracks = splitInitSection(bytes);
        this.#tracks = new Map(tracks.map((track) => [track.trackId, track]));
        return { kind: "init", tracks, bytes };
      }
      case "moof":
        this.#moof = box.bytes;
        return null;
      case "mdat":
        return this.#readMedia(box);
      case "prft":
        return this.#readClock(box);
      case "emsg": {
        const event = parseFlowEvent(box.bytes);
        return event === null ? null : { kind: "event", event };
      }
      default:
        return null;
    }
  }

  #readMedia({ bytes, offset }: TopLevelBox): FlowMedia {
    const moof = this.#moof;
    this.#moof = null;
    if (moof === null)
      throw new CmafError("box-unexpected", "an mdat without moof", { input: "flow", byteOffset: offset });
    const timing = readFragmentTiming(moof, (trackId) => this.#tracks.get(trackId)?.defaultDurationTicks ?? 0);
    const track = this.#tracks.get(timing.trackId);
    if (track === undefined) {
      throw new CmafError("box-invalid", `no track ${timing.trackId}`, {
        input: "flow",
        box: "moof",
        byteOffset: offset,
      });
    }
    return {
      kind: "media",
      media: track.kind,
      bytes: concatBytes([moof, bytes]),
      startS: timing.startTicks / track.timescale,
      durationS: timing.durationTicks / track.timescale,
    };
  }

  #readClock({ bytes, headerBytes }: TopLevelBox): FlowItem | null {
    const box = initSpan(bytes);
    const track = this.#tracks.get(readU32(box, headerBytes + 4));
    if (track === undefined) return null;
    const ntpS = readU32(box, headerBytes + 8) + readU32(box, headerBytes + 12) / 2 ** 32;
    const isLong = readU8(box, headerBytes) === 1;
    const ticks = isLong ? readU64(box, headerBytes + 16) : readU32(box, headerBytes + 16);
    return { kind: "clock", mediaS: ticks / track.timescale, programTimeMs: (ntpS - NTP_EPOCH_S) * 1000 };
  }
}

const END_REASONS: readonly FlowEnd[] = ["ended", "replaced", "init", "malformed", "refused", "renew"];
const decoder = new TextDecoder();

/** The event of an `emsg`; null for another scheme, and for an event of another kind. */
function parseFlowEvent(emsg: Uint8Array): FlowEvent | null {
  const text = decoder.decode(emsg.subarray(32));
  const [scheme, , data] = text.split("\0");
  if (scheme !== FLOW_EVENT_SCHEME || data === undefined) return null;
  const fields = parseObject(data);
  switch (fields["kind"]) {
    case "caught-up":
    case "skip":
      return { kind: fields["kind"] };
    case "status": {
      const { atMs, status } = fields;
      if (typeof atMs !== "number" || typeof status !== "object" || status === null) return null;
      return { kind: "status", atMs, status };
    }
    case "bye": {
      const reason = END_REASONS.find((each) => each === fields["reason"]);
      return reason === undefined ? null : { kind: "bye", reason };
    }
    default:
      return null;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
