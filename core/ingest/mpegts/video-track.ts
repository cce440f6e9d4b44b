/** A video track: access units and decoder configurations from PES packets of H.264 or HEVC. */
import type { IngestEvent } from "../media-event.ts";
import { joinWithLengths, splitAnnexB } from "../nal/annex-b.ts";
import { H264_NAL, makeAvcRecord, readH264NalType, readH264ParameterSetId } from "../nal/h264-nal.ts";
import { HEVC_NAL, makeHevcRecord, readHevcNalType, readHevcParameterSetId } from "../nal/hevc-nal.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";
import type { TrackReader, TrackUnit } from "./track-reader.ts";
import { isSameBytes, TRANSPORT_TIMESCALE } from "./track-reader.ts";

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

/** Reads one video track. Access units before the first complete parameter sets are left out. */
export class VideoTrackReader implements TrackReader {
  readonly #track: number;
  readonly #nal: NalCodec;
  /** Parameter sets by type, then by id. */
  readonly #sets: ReadonlyMap<number, Map<number, Uint8Array>>;
  #record: Uint8Array | null = null;
  #droppedUnits = 0;

  constructor(track: number, codec: "h264" | "hevc") {
    this.#track = track;
    this.#nal = codec === "h264" ? H264 : HEVC;
    this.#sets = new Map(this.#nal.parameterSetTypes.map((type) => [type, new Map()]));
  }

  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  read({ times, data }: TrackUnit): IngestEvent[] {
    const units = splitAnnexB(data, MPEG_TS_LIMITS.nalUnits);
    const coded: Uint8Array[] = [];
    let sync = false;
    let hasNewSets = false;
    for (const unit of units) {
      const type = this.#nal.readType(unit);
      const sets = this.#sets.get(type);
      if (sets !== undefined) hasNewSets = this.#remember(sets, unit) || hasNewSets;
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
    const frame = { kind: "frame", track: this.#track, media: "video", dts, ctsOffset, sync } as const;
    return [...events, { ...frame, data: joinWithLengths(coded) }];
  }

  /** Parameter sets do not depend on what is lost. */
  reset(): void {}

  /** Keeps a parameter set. Returns whether it is a new one. */
  #remember(sets: Map<number, Uint8Array>, unit: Uint8Array): boolean {
    const id = this.#nal.readParameterSetId(unit);
    if (id === null) return false;
    const known = sets.get(id);
    if (known !== undefined && isSameBytes(known, unit)) return false;
    const isFull = known === undefined && sets.size >= MPEG_TS_LIMITS.parameterSets;
    if (isFull || unit.byteLength > MPEG_TS_LIMITS.parameterSetBytes) return false;
    sets.set(id, unit.slice());
    return true;
  }

  #configure(): IngestEvent[] {
    const record = this.#nal.makeRecord([...this.#sets.values()].map((sets) => [...sets.values()]));
    if (record === null || (this.#record !== null && isSameBytes(this.#record, record))) return [];
    this.#record = record;
    const { codec } = this.#nal;
    return [{ kind: "config", track: this.#track, media: "video", codec, timescale: TRANSPORT_TIMESCALE, record }];
  }
}
