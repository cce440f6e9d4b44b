/** The lower renditions of a node: whether its FFmpeg can make them, and whether a place is free. */
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import type { SparePlace } from "../../packager/encode-places.ts";
import { highProfileArgs } from "../../packager/encoder-options.ts";
import type { VideoRendition } from "../../packager/ladder.ts";
import type { Transcoder } from "../../packager/transcoder.ts";
import { avcLevelOf, planLowerRenditions } from "./rendition-plan.ts";

/** Renditions beside a picture that is passed through. */
export type LowerPlan =
  | { readonly kind: "none" }
  /** No place is free; `names` are what viewers do not get. */
  | { readonly kind: "full"; readonly names: readonly string[] }
  | {
      readonly kind: "granted";
      readonly renditions: readonly VideoRendition[];
      /** The id of the encoder, for H.264. */
      readonly encoder: string;
      readonly place: SparePlace;
    };

/** See the file's first line. */
export class LowerLadder {
  readonly transcoder: Transcoder;

  /** A broadcast that begins before the transcoder is prepared has no lower renditions. */
  constructor(transcoder: Transcoder) {
    this.transcoder = transcoder;
  }

  /**
   * The plan for a broadcast of `tracks`; a granted one holds a place until it is released. `onPlace`: the place was given up
   * for a broadcast that is encoded anew, or is held again.
   */
  plan(tracks: readonly PassthroughTrack[], onPlace: (isHeld: boolean) => void): LowerPlan {
    const encoder = this.transcoder.encoders?.h264;
    const renditions = planLowerRenditions(tracks, this.transcoder.options.ladder);
    const [first] = renditions;
    if (encoder === undefined || first === undefined) return { kind: "none" };
    // The profile and level are announced before anything is encoded.
    if (highProfileArgs(encoder, avcLevelOf(first)) === null) return { kind: "none" };
    const place = this.transcoder.places.acquireSpare(onPlace);
    if (place === null) return { kind: "full", names: renditions.map(({ name }) => name) };
    return { kind: "granted", renditions, encoder, place };
  }
}
