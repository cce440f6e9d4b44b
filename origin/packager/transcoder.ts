/** What this machine encodes with, and how many broadcasts it encodes at once. */

import type { Clock } from "../../core/kit/clock.ts";
import { canToneMap, listEncoders } from "../ingest/probe.ts";
import type { SourceInfo } from "../ingest/source-info.ts";
import { chooseEncoders, type EncoderChoice } from "./choose-encoders.ts";
import { parseEncoders } from "./encode-args.ts";
import { EncodePlaces } from "./encode-places.ts";
import { createEncodeJob } from "./encode-plan.ts";
import type { EncodeJob } from "./encoder.ts";
import type { EncoderFamily } from "./encoder-families.ts";
import { inspectEncoders } from "./encoder-trial.ts";
import { type LadderSpec, planNominalRenditions, planRenditions } from "./ladder.ts";
import type { Preset } from "./presets.ts";

/** Cores that one broadcast with the default ladder keeps busy. */
export const CORES_PER_TRANSCODE = 1.5;

/** When senders are transcoded: those that cannot be passed through, none, or all. */
export const TRANSCODE_MODES = ["auto", "never", "always"] as const;
export type TranscodeMode = (typeof TRANSCODE_MODES)[number];

/** How many broadcasts a machine with `cores` encodes at once, at least one. */
export function defaultTranscodes(cores: number): number {
  return Math.max(1, Math.floor(cores / CORES_PER_TRANSCODE));
}

/** Parameters of a transcoder. */
export interface TranscoderOptions {
  readonly mode: Exclude<TranscodeMode, "never">;
  readonly ladder: LadderSpec;
  readonly preset: Preset;
  /** Without one it is `auto`. */
  readonly encoder?: EncoderFamily;
  /** Broadcasts at once. */
  readonly limit: number;
  readonly clock: Clock;
}

/** What FFmpeg has on this machine. */
interface TranscoderMachine {
  readonly choice: EncoderChoice;
  readonly canToneMap: boolean;
}

/** How a source is encoded on this machine. */
export interface TranscodePlan {
  readonly job: EncodeJob;
  readonly canToneMap: boolean;
}

/** See the file's first line. */
export class Transcoder {
  readonly options: TranscoderOptions;
  readonly places: EncodePlaces;
  #machine: Promise<TranscoderMachine> | null = null;
  #encoders: EncoderChoice["encoders"] | null = null;

  constructor(options: TranscoderOptions) {
    this.options = options;
    this.places = new EncodePlaces(options);
  }

  /** The encoders that were chosen by trial; null before. */
  get encoders(): EncoderChoice["encoders"] | null {
    return this.#encoders;
  }

  /** Chooses the encoders by trial, once. Throws `SourceError` without FFmpeg, `UsageError` if it cannot encode the ladder. */
  async prepare(): Promise<EncoderChoice> {
    return (await this.#inspect()).choice;
  }

  /** The plan for `source`. Throws as `prepare`. */
  async plan(source: SourceInfo): Promise<TranscodePlan> {
    const { choice, canToneMap } = await this.#inspect();
    const renditions = planRenditions(source, this.options.ladder);
    return { job: createEncodeJob(renditions, this.options.preset, choice.encoders), canToneMap };
  }

  #inspect(): Promise<TranscoderMachine> {
    const machine = this.#machine ?? inspectMachine(this.options);
    this.#machine = machine;
    // A machine whose FFmpeg is installed later is inspected again.
    machine.then(
      ({ choice }) => {
        this.#encoders = choice.encoders;
      },
      () => {
        this.#machine = null;
      },
    );
    return machine;
  }
}

async function inspectMachine({ ladder, preset, encoder, clock }: TranscoderOptions): Promise<TranscoderMachine> {
  const { signal } = new AbortController();
  const [listed, mapsTone] = await Promise.all([listEncoders(signal), canToneMap(signal)]);
  const wish = { renditions: planNominalRenditions(ladder), preset, family: encoder ?? "auto" } as const;
  const choice = await chooseEncoders(inspectEncoders(parseEncoders(listed), clock), wish);
  return { choice, canToneMap: mapsTone };
}
