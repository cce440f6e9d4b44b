/** A video track: access units and decoder configurations from PES packets of H.264 or HEVC. */
import type { IngestEvent } from "../media-event.ts";
import { splitAnnexB } from "../nal/annex-b.ts";
import { NalTrackReader } from "../nal/nal-track-reader.ts";
import { MPEG_TS_LIMITS } from "./limits.ts";
import { TRANSPORT_TIMESCALE, type TrackReader, type TrackUnit } from "./track-reader.ts";

/** Reads one video track. Access units before the first complete parameter sets are left out. */
export class VideoTrackReader implements TrackReader {
  readonly #reader: NalTrackReader;

  constructor(track: number, codec: "h264" | "hevc") {
    this.#reader = new NalTrackReader({ track, codec, timescale: TRANSPORT_TIMESCALE, isReplacing: false });
  }

  get droppedUnits(): number {
    return this.#reader.droppedUnits;
  }

  read({ times, data }: TrackUnit): IngestEvent[] {
    return this.#reader.read(splitAnnexB(data, MPEG_TS_LIMITS.nalUnits), times);
  }

  /** Parameter sets do not depend on what is lost. */
  reset(): void {}
}
