/** Writes a part's bytes, and the metadata that depends on them. */
import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import type { TrackName } from "../../kit/ids.ts";
import { type TrackRun, writeFragment } from "./fragment.ts";

/** One complete part. */
export interface PartOutput {
  readonly kind: "part";
  readonly track: TrackName;
  readonly meta: PartMeta;
  /** `moof` + `mdat`; empty for a gap. */
  readonly bytes: Uint8Array;
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
