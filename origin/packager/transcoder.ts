/** What this machine encodes with, and how many broadcasts it encodes at once. */
import { canToneMap, listEncoders } from "../ingest/probe.ts";
import type { SourceInfo } from "../ingest/source-info.ts";
import { parseEncoders } from "./encode-args.ts";
import { createEncodeJob, selectEncoders } from "./encode-plan.ts";
import type { EncodeJob } from "./encoder.ts";
import { type LadderSpec, planRenditions } from "./ladder.ts";
import type { Preset } from "./presets.ts";

/** Cores that one broadcast with the default ladder keeps busy. */
const CORES_PER_TRANSCODE = 1.5;

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
  /** Broadcasts at once. */
  readonly limit: number;
}

/** How a source is encoded on this machine. */
export interface TranscodePlan {
  readonly job: EncodeJob;
  readonly canToneMap: boolean;
}

/** See the file's first line. */
export class Transcoder {
  readonly options: TranscoderOptions;
  #used = 0;
  #machine: Promise<{ readonly encoders: ReadonlySet<string>; readonly canToneMap: boolean }> | null = null;

  constructor(options: TranscoderOptions) {
    this.options = options;
  }

  /** Broadcasts that are being encoded. */
  get used(): number {
    return this.#used;
  }

  /** Whether a place is free. */
  get hasRoom(): boolean {
    return this.#used < this.options.limit;
  }

  /** Takes a place, or null if all are taken; the result gives it back, once. */
  acquire(): (() => void) | null {
    if (!this.hasRoom) return null;
    this.#used += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#used -= 1;
      isHeld = false;
    };
  }

  /** The plan for `source`. Throws `SourceError` without FFmpeg, `UsageError` if it cannot encode the ladder. */
  async plan(source: SourceInfo): Promise<TranscodePlan> {
    this.#machine ??= inspectMachine();
    // A machine whose FFmpeg is installed later is inspected again.
    this.#machine.catch(() => {
      this.#machine = null;
    });
    const machine = await this.#machine;
    const renditions = planRenditions(source, this.options.ladder);
    const job = createEncodeJob(renditions, this.options.preset, selectEncoders(renditions, machine.encoders));
    return { job, canToneMap: machine.canToneMap };
  }
}

async function inspectMachine(): Promise<{ encoders: ReadonlySet<string>; canToneMap: boolean }> {
  const { signal } = new AbortController();
  const [encoders, mapsTone] = await Promise.all([listEncoders(signal), canToneMap(signal)]);
  return { encoders: parseEncoders(encoders), canToneMap: mapsTone };
}
