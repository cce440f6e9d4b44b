/** Packages a source like the command line, faster than real time, and keeps the output. */

import { createEpochClock } from "../../core/kit/epoch-clock.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { KeyframeSchedule } from "../../core/media/cmaf/keyframes.ts";
import { type PackagerConfig, type PackagerOutput, partTargetFor } from "../../core/media/cmaf/packager.ts";
import type { SourceInput } from "../../origin/ingest/input.ts";
import { canToneMap, probeSource } from "../../origin/ingest/probe.ts";
import type { SourceInfo } from "../../origin/ingest/source-info.ts";
import { acceptFirstConnection, createSourceOpener, type FirstConnection } from "../../origin/ingest/source-opener.ts";
import { createEncodeJob } from "../../origin/packager/encode-plan.ts";
import { frameMs, parseLadderFlags, planRenditions, type Rendition } from "../../origin/packager/ladder.ts";
import { PRESETS } from "../../origin/packager/presets.ts";
import {
  type SourceCounters,
  type SourceEnd,
  type SourceStart,
  SourceSupervisor,
} from "../../origin/packager/source-supervisor.ts";

/** A ladder that is cheap to encode. */
export const SMALL_LADDER = "90p:150k";

/** The source, and how much of it is packaged. */
export interface PackageSourceOptions {
  readonly input: SourceInput;
  readonly ladder?: string;
  readonly segmentMs?: number;
  readonly muxed?: boolean;
  /** Media after which an endless source is stopped, seconds. */
  readonly untilS?: number;
}

/** The output. */
export interface SourceOutput {
  readonly source: SourceInfo;
  readonly renditions: readonly Rendition[];
  readonly config: PackagerConfig;
  readonly schedule: KeyframeSchedule | null;
  readonly outputs: readonly PackagerOutput[];
  readonly start: SourceStart | null;
  readonly end: SourceEnd;
  readonly sessions: number;
  /** Messages to the user. */
  readonly messages: readonly string[];
  /** From the start of probing to the first part, milliseconds. */
  readonly firstPartMs: number;
}

/** Airs a source to its end, or to `untilS`. Throws probing errors. */
export async function packageSource(options: PackageSourceOptions): Promise<SourceOutput> {
  const startedMs = performance.now();
  const source = await probeSource(options.input, new AbortController().signal);
  return runSource(options, source, null, startedMs, () => {});
}

/**
 * Waits for an encoder as with `--listen`, and airs its push in real time. `push` is called with the URL once
 * a listener is ready; the source is stopped when it resolves.
 */
export async function packagePushedSource(
  options: Omit<PackageSourceOptions, "input">,
  url: string,
  push: (url: string, counters: () => SourceCounters) => Promise<void>,
): Promise<SourceOutput> {
  const input = { kind: "live", url, listen: true } as const;
  const startedMs = performance.now();
  let counters = (): SourceCounters => ({ sessions: 0, frames: 0, mediaMs: 0 });
  let stop = (): void => {};
  const pushed = push(url, () => counters()).finally(() => stop());
  const feed = await acceptFirstConnection(input, new AbortController().signal);
  if (feed === null) throw new Error("nobody listens");
  const aired = await runSource({ ...options, input }, feed.info, feed, startedMs, (source) => {
    counters = (): SourceCounters => source.counters();
    stop = (): void => source.stop();
  });
  await pushed;
  return aired;
}

async function runSource(
  options: PackageSourceOptions,
  source: SourceInfo,
  feed: FirstConnection,
  startedMs: number,
  onSource: (source: SourceSupervisor) => void,
): Promise<SourceOutput> {
  const { input, ladder = SMALL_LADDER, segmentMs = 2000, muxed = false, untilS } = options;
  const preset = { ...PRESETS.balanced, partMs: Math.min(PRESETS.balanced.partMs, segmentMs / 2), segmentMs };
  const renditions = planRenditions(source, parseLadderFlags(ladder));
  const job = createEncodeJob(renditions, preset, { h264: "libx264" });
  const leader = renditions[0];
  const partTargetMs = partTargetFor(preset.partMs, leader === undefined ? 40 : frameMs(leader));
  const partTargets = new Map<TrackName, number>(renditions.map(({ name }) => [name, partTargetMs]));
  const targetDurationS = job.schedule?.targetDurationS ?? Math.ceil(segmentMs / 1000);
  const said: string[] = [...source.warnings];
  const log = {
    info: (text: string) => said.push(text),
    warn: (text: string) => said.push(text),
    error: (text: string) => said.push(text),
  };
  const hasAudio = renditions.some(({ kind }) => kind === "audio");
  const maps = await canToneMap(new AbortController().signal);
  const outputs: PackagerOutput[] = [];
  let start: SourceStart | null = null;
  let firstPartMs = Number.NaN;
  const epochNowMs = createEpochClock(systemPlatform.clock);
  const aired: SourceSupervisor = new SourceSupervisor({
    ...{
      name: input.kind === "demo" ? "the demo" : input.url,
      kind: input.kind,
      job,
      partTargets,
      targetDurationS,
      muxed,
      log,
      platform: systemPlatform,
      epochNowMs,
    },
    loop: input.kind === "file" && input.loop,
    open: createSourceOpener(
      {
        ...{ input, source, canvas: job.canvas, hasAudio, canToneMap: maps, log },
        ...{ filePacing: { kind: "none" }, clock: systemPlatform.clock, epochNowMs },
      },
      feed,
    ),
    onStart: (started) => {
      start = started;
    },
    onOutput: (output) => {
      outputs.push(output);
      if (output.kind === "part" && Number.isNaN(firstPartMs)) firstPartMs = performance.now() - startedMs;
      if (untilS !== undefined && aired.counters().mediaMs >= untilS * 1000) aired.stop();
    },
  });
  onSource(aired);
  const end = await aired.run();
  const config: PackagerConfig = {
    tracks: renditions.map(({ name, kind, timescale }) => ({ name, kind, timescale, partTargetMs })),
    ...{ segmentTargetMs: segmentMs, targetDurationS, muxed },
    startedAtMs: (start as SourceStart | null)?.startedAtMs ?? 0,
    ...(job.schedule === null ? {} : { keyframes: job.schedule }),
  };
  const { sessions } = aired.counters();
  return {
    source,
    renditions,
    config,
    schedule: job.schedule,
    outputs,
    start,
    end,
    sessions,
    messages: said,
    firstPartMs,
  };
}
