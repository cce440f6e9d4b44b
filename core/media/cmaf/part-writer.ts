/** Writes a part's bytes, and the metadata that depends on them. */
import type { ChunkMeta, PartMeta } from "../../broadcast/broadcast-log.ts";
import type { TrackName } from "../../kit/ids.ts";
import { type FragmentSample, type TrackRun, writeFragment } from "./fragment.ts";

/** One complete part. */
export interface PartOutput {
  readonly kind: "part";
  readonly track: TrackName;
  readonly meta: PartMeta;
  /** `moof` + `mdat`; empty for a gap. */
  readonly bytes: Uint8Array;
}

/** A frame of a part that is not complete yet, with the part's bytes: see `chunk.ts`. */
export interface ChunkOutput {
  readonly track: TrackName;
  readonly meta: ChunkMeta;
  readonly bytes: Uint8Array;
}

/** A frame of the open part before it is written. */
export interface FrameDraft {
  readonly meta: ChunkMeta;
  readonly trackId: number;
  /** Decode time of the frame. */
  readonly decodeTicks: number;
  readonly sample: FragmentSample;
}

/** A part of one track before it is written. */
export interface PartDraft {
  /** Without `iframeBytes`. */
  readonly meta: PartMeta;
  /** Null for a gap. */
  readonly trackRun: TrackRun | null;
  /** Decode time after it, ticks of the track. */
  readonly endTicks: number;
  /** Whether it is long enough for a regular part, or the segment's last: a gap that may carry audio. */
  readonly isWhole: boolean;
}

/** Writes the parts of one track, in order. */
export class PartWriter {
  readonly #track: TrackName;
  readonly #kind: "video" | "audio";
  #sequence = 0;
  /** Parts of the current segment. */
  #iframeBytes: number | undefined;

  constructor(track: TrackName, kind: "video" | "audio") {
    this.#track = track;
    this.#kind = kind;
  }

  /** Writes a frame of the part that is written next. */
  writeChunk({ meta, trackId, decodeTicks, sample }: FrameDraft): ChunkOutput {
    const { bytes } = writeFragment(this.#sequence + 1, [{ trackId, decodeTicks, samples: [sample] }]);
    return { track: this.#track, meta, bytes };
  }

  /** Writes `draft`, with the audio that is muxed into it. */
  write(draft: PartDraft, audioRun: TrackRun | null): PartOutput {
    const { meta, trackRun } = draft;
    const runs = [trackRun, audioRun].filter((each) => each !== null);
    const gap = runs.length === 0;
    const fragment = gap ? null : writeFragment(++this.#sequence, runs);
    if (meta.part === 0) {
      const decodes = this.#kind === "video" && trackRun?.samples[0]?.sync === true;
      this.#iframeBytes = decodes ? fragment?.firstSampleEnd : undefined;
    }
    const close = this.#iframeBytes === undefined ? {} : { iframeBytes: this.#iframeBytes };
    return {
      kind: "part",
      track: this.#track,
      meta: { ...meta, gap, ...(meta.close === undefined ? {} : { close }) },
      bytes: fragment?.bytes ?? new Uint8Array(0),
    };
  }
}
