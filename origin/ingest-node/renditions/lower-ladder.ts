/** The lower renditions of a node: whether its FFmpeg can make them, and whether a place is free. */
import type { PassthroughTrack } from "../../../core/ingest/passthrough/timeline-plan.ts";
import { listEncoders } from "../../ingest/probe.ts";
import { errorMessage } from "../../kit/errors.ts";
import { parseEncoders } from "../../packager/encode-args.ts";
import type { VideoRendition } from "../../packager/ladder.ts";
import type { Transcoder } from "../../packager/transcoder.ts";
import { planLowerRenditions } from "./rendition-plan.ts";

/** Renditions beside a picture that is passed through. */
export type LowerPlan =
  | { readonly kind: "none" }
  /** No place is free; `names` are what viewers do not get. */
  | { readonly kind: "full"; readonly names: readonly string[] }
  | { readonly kind: "granted"; readonly renditions: readonly VideoRendition[]; readonly release: () => void };

/** See the file's first line. */
export class LowerLadder {
  readonly transcoder: Transcoder;
  #canEncode = false;

  /** FFmpeg is looked at in the background: a broadcast that begins before has no lower renditions. */
  constructor(transcoder: Transcoder, log: { warn(text: string): void }) {
    this.transcoder = transcoder;
    listEncoders(new AbortController().signal).then(
      (text) => {
        this.#canEncode = parseEncoders(text).has("libx264");
        if (!this.#canEncode) log.warn("This machine's FFmpeg has no libx264: no renditions beside passthrough.");
      },
      (error: unknown) => log.warn(`No renditions beside passthrough: ${errorMessage(error)}`),
    );
  }

  /** The plan for a broadcast of `tracks`; a granted one holds a place until it is released. */
  plan(tracks: readonly PassthroughTrack[]): LowerPlan {
    const renditions = planLowerRenditions(tracks, this.transcoder.options.ladder);
    if (renditions.length === 0 || !this.#canEncode) return { kind: "none" };
    const release = this.transcoder.acquire();
    if (release === null) return { kind: "full", names: renditions.map(({ name }) => name) };
    return { kind: "granted", renditions, release };
  }
}
