/** A video track from NAL units: access units and decoder configurations of H.264 or HEVC, whatever carried the units. */
import { isSameBytes } from "../../kit/bytes.ts";
import type { IngestEvent } from "../media-event.ts";
import { joinWithLengths } from "./annex-b.ts";
import { H264_NAL, makeAvcRecord, readH264NalType, readH264ParameterSetId } from "./h264-nal.ts";
import { HEVC_NAL, makeHevcRecord, readHevcNalType, readHevcParameterSetId } from "./hevc-nal.ts";

/** Limits of a track's parameter sets; what is beyond them is left out. */
const NAL_TRACK_LIMITS = {
  /** Parameter sets of one kind that a track remembers. */
  parameterSets: 16,
  /** Bytes of a parameter set: the length field of the records has 16 bits. */
  parameterSetBytes: 65_535,
} as const;

/** The access units of one track, in order. */
export interface NalTrackOptions {
  readonly track: number;
  readonly codec: "h264" | "hevc";
  /** Ticks per second of its times. */
  readonly timescale: number;
  /** Whether sequence parameter sets with a new id replace all others: the sender changes them with its picture. */
  readonly isReplacing: boolean;
}

/** How one codec's NAL units are understood. */
interface NalCodec {
  readonly codec: "h264" | "hevc";
  readonly readType: (unit: Uint8Array) => number;
  readonly readParameterSetId: (unit: Uint8Array) => number | null;
  /** Types of the parameter sets, in the order of the record. */
  readonly parameterSetTypes: readonly number[];
  /** Types that samples of fMP4 do not hold. */
  readonly discardedTypes: readonly number[];
  readonly isSyncType: (type: number) => boolean;
  readonly makeRecord: (sets: readonly (readonly Uint8Array[])[]) => Uint8Array | null;
}

const H264: NalCodec = {
  codec: "h264",
  readType: readH264NalType,
  readParameterSetId: readH264ParameterSetId,
  parameterSetTypes: [H264_NAL.sps, H264_NAL.pps],
  discardedTypes: [H264_NAL.accessUnitDelimiter, H264_NAL.fillerData],
  isSyncType: (type) => type === H264_NAL.idr,
  makeRecord: ([sps = [], pps = []]) => makeAvcRecord(sps, pps),
};

const HEVC: NalCodec = {
  codec: "hevc",
  readType: readHevcNalType,
  readParameterSetId: readHevcParameterSetId,
  parameterSetTypes: [HEVC_NAL.vps, HEVC_NAL.sps, HEVC_NAL.pps],
  discardedTypes: [HEVC_NAL.accessUnitDelimiter, HEVC_NAL.fillerData],
  isSyncType: (type) => type >= HEVC_NAL.firstIrap && type <= HEVC_NAL.lastIrap,
  makeRecord: ([vps = [], sps = [], pps = []]) => makeHevcRecord({ vps, sps, pps }),
};

/** See the file's first line. Access units before the first complete parameter sets are left out. */
export class NalTrackReader {
  readonly #options: NalTrackOptions;
  readonly #nal: NalCodec;
  /** Parameter sets by type, then by id. */
  readonly #sets: ReadonlyMap<number, Map<number, Uint8Array>>;
  #record: Uint8Array | null = null;
  #droppedUnits = 0;

  constructor(options: NalTrackOptions) {
    this.#options = options;
    this.#nal = options.codec === "h264" ? H264 : HEVC;
    this.#sets = new Map(this.#nal.parameterSetTypes.map((type) => [type, new Map()]));
  }

  /** Access units that could not be used. */
  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  /** The events of one access unit; without times only its parameter sets are used. */
  read(
    units: readonly Uint8Array[],
    times: { readonly dts: number; readonly ctsOffset: number } | null,
  ): IngestEvent[] {
    const coded: Uint8Array[] = [];
    let sync = false;
    let hasNewSets = false;
    for (const unit of units) {
      const type = this.#nal.readType(unit);
      const sets = this.#sets.get(type);
      if (sets !== undefined) hasNewSets = this.#remember(type, sets, unit) || hasNewSets;
      else if (!this.#nal.discardedTypes.includes(type)) coded.push(unit);
      sync ||= this.#nal.isSyncType(type);
    }
    const events: IngestEvent[] = hasNewSets ? this.#configure() : [];
    if (coded.length === 0) return events;
    if (times === null || this.#record === null) {
      this.#droppedUnits += 1;
      return events;
    }
    const { dts, ctsOffset } = times;
    const frame = { kind: "frame", track: this.#options.track, media: "video", dts, ctsOffset, sync } as const;
    return [...events, { ...frame, data: joinWithLengths(coded) }];
  }

  /** Keeps a parameter set. Returns whether it is a new one. */
  #remember(type: number, sets: Map<number, Uint8Array>, unit: Uint8Array): boolean {
    const id = this.#nal.readParameterSetId(unit);
    if (id === null) return false;
    const known = sets.get(id);
    if (known !== undefined && isSameBytes(known, unit)) return false;
    const isReplacing = this.#options.isReplacing && known === undefined && type === this.#nal.parameterSetTypes[0];
    if (isReplacing) for (const each of this.#sets.values()) each.clear();
    const isFull = known === undefined && sets.size >= NAL_TRACK_LIMITS.parameterSets;
    if (isFull || unit.byteLength > NAL_TRACK_LIMITS.parameterSetBytes) return false;
    sets.set(id, unit.slice());
    return true;
  }

  #configure(): IngestEvent[] {
    const record = this.#nal.makeRecord([...this.#sets.values()].map((sets) => [...sets.values()]));
    if (record === null || (this.#record !== null && isSameBytes(this.#record, record))) return [];
    this.#record = record;
    const { track, codec, timescale } = this.#options;
    return [{ kind: "config", track, media: "video", codec, timescale, record }];
  }
}
