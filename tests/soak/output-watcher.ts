/** Checks a packager's output as it is emitted, with bounded memory. */

import { FragmentReader } from "../../core/media/cmaf/fragment-reader.ts";
import type { PackagerOutput } from "../../core/media/cmaf/packager.ts";
import type { Rendition } from "../../origin/packager/ladder.ts";

/** Consecutive segments kept for a sample. */
const SAMPLED_SEGMENTS = 4;

interface Track {
  readonly rendition: Rendition;
  readonly stepTicks: number;
  reader: FragmentReader;
  init: Uint8Array;
  nextDts: number | null;
  /** The last frame lasts longer than others, as only the last before a discontinuity or a gap may. */
  isLong: boolean;
  ticks: number;
  /** Segments of the sample, one array of parts each. */
  segments: { readonly msn: number; readonly pieces: Uint8Array[] }[];
}

/** Consecutive segments of all tracks. */
export interface OutputSample {
  readonly outputs: readonly PackagerOutput[];
}

/** Counts errors, one line per kind. */
export class OutputWatcher {
  readonly #tracks: Map<string, Track>;
  readonly faults: Map<string, number> = new Map();
  readonly #targetDurationS: number;
  discontinuities = 0;

  constructor(renditions: readonly Rendition[], frameS: number, targetDurationS: number) {
    this.#targetDurationS = targetDurationS;
    this.#tracks = new Map(
      renditions.map((rendition) => [
        rendition.name,
        {
          rendition,
          stepTicks: rendition.kind === "audio" ? 1024 : Math.round(frameS * rendition.timescale),
          ...{
            reader: new FragmentReader(rendition.name),
            init: new Uint8Array(0),
            nextDts: null,
            isLong: false,
            ticks: 0,
          },
          segments: [],
        },
      ]),
    );
  }

  /** Adds an output. */
  checkOutput(output: PackagerOutput): void {
    const track = this.#tracks.get(output.track);
    if (track === undefined) return;
    if (output.kind === "init") {
      track.init = output.bytes;
      track.reader = new FragmentReader(output.track);
      track.reader.push(output.bytes);
      return;
    }
    const { meta, bytes } = output;
    if (meta.start?.discontinuity === true) {
      if (track.rendition.kind === "video") this.discontinuities += 1;
      track.nextDts = null;
      track.isLong = false;
    }
    if (meta.part === 0) {
      if (!meta.gap && !meta.independent) this.#fault(`${output.track}: a segment begins without a keyframe`);
      track.ticks = 0;
      track.segments.push({ msn: meta.msn, pieces: [] });
      if (track.segments.length > SAMPLED_SEGMENTS + 1) track.segments.shift();
    }
    track.ticks += meta.durationTicks;
    if (Math.round(track.ticks / track.rendition.timescale) > this.#targetDurationS)
      this.#fault(`${output.track}: a segment is longer than the target duration`);
    if (meta.gap) {
      track.nextDts = null;
      track.isLong = false;
      return;
    }
    track.segments.at(-1)?.pieces.push(bytes);
    for (const event of track.reader.push(bytes)) {
      if (event.kind !== "frame") continue;
      const { dts, durationTicks } = event.frame;
      if (track.nextDts !== null && Math.abs(dts - track.nextDts) > 0)
        this.#fault(`${output.track}: frames are not ${track.stepTicks} ticks apart`);
      track.nextDts = dts + track.stepTicks;
      if (track.isLong) this.#fault(`${output.track}: a frame lasts longer than others`);
      track.isLong = durationTicks > track.stepTicks * 2;
    }
  }

  /** The last complete segments of all tracks, as outputs. */
  takeSample(): OutputSample {
    const tracks = [...this.#tracks.values()];
    const newest = Math.min(...tracks.map(({ segments }) => (segments.at(-1)?.msn ?? 0) - 1));
    const outputs = tracks.flatMap(({ rendition, init, segments }): PackagerOutput[] => {
      const whole = segments.filter(({ msn }) => msn <= newest && msn > newest - SAMPLED_SEGMENTS);
      const { name } = rendition;
      const meta = { msn: 0, part: 0, durationTicks: 1, independent: true, gap: false };
      return [
        { kind: "init", track: name, version: 1, bytes: init },
        ...whole.flatMap(({ pieces }) =>
          pieces.map((bytes): PackagerOutput => ({ kind: "part", track: name, meta, bytes })),
        ),
      ];
    });
    return { outputs };
  }

  #fault(what: string): void {
    this.faults.set(what, (this.faults.get(what) ?? 0) + 1);
  }
}
