/** Puts a source on the air as the command line does, faster than real time, and keeps what came out. */

import { encodeJob } from "../../origin/broadcast.ts";
import type { Input } from "../../origin/input.ts";
import { frameMs, parseLadderFlags, planRenditions, type Rendition, type SourceInfo } from "../../origin/ladder.ts";
import { type FirstFeed, firstFeedOf, opener } from "../../origin/open-source.ts";
import { PRESETS } from "../../origin/presets.ts";
import { canToneMap, probe } from "../../origin/probe.ts";
import { Source, type SourceCounters, type SourceEnd, type SourceStart } from "../../origin/source.ts";
import type { KeyframeSchedule } from "../../protocol/cmaf/keyframes.ts";
import { type Output, type PackagerConfig, partTargetFor } from "../../protocol/cmaf/packager.ts";
import type { TrackName } from "../../protocol/ids.ts";

/** A ladder that takes little to encode. */
export const SMALL_LADDER = "90p:150k";

/** What is aired, and how much of it. */
export interface AirOptions {
  readonly input: Input;
  readonly ladder?: string;
  readonly segmentMs?: number;
  readonly muxed?: boolean;
  /** Media after which a source without end is stopped, seconds. */
  readonly untilS?: number;
}

/** What came out. */
export interface Aired {
  readonly source: SourceInfo;
  readonly renditions: readonly Rendition[];
  readonly config: PackagerConfig;
  readonly schedule: KeyframeSchedule | null;
  readonly outputs: readonly Output[];
  readonly start: SourceStart | null;
  readonly end: SourceEnd;
  readonly runs: number;
  /** What the user was told. */
  readonly said: readonly string[];
  /** From the beginning of the first look to the first part, milliseconds. */
  readonly firstPartMs: number;
}

/** Airs a source to its end, or to `untilS`. Throws what a look at the source throws. */
export async function air(options: AirOptions): Promise<Aired> {
  const startedMs = performance.now();
  const source = await probe(options.input, new AbortController().signal);
  return start(options, source, null, startedMs, () => {});
}

/**
 * Waits for an encoder as `--listen` does, and airs what it pushes, in real time. `push` is called with the address once
 * somebody listens there; the source is stopped when it resolves.
 */
export async function airPushed(
  options: Omit<AirOptions, "input">,
  url: string,
  push: (url: string, counters: () => SourceCounters) => Promise<void>,
): Promise<Aired> {
  const input = { kind: "live", url, listen: true } as const;
  const startedMs = performance.now();
  let counters = (): SourceCounters => ({ runs: 0, frames: 0, mediaMs: 0 });
  let stop = (): void => {};
  const pushed = push(url, () => counters()).finally(() => stop());
  const feed = await firstFeedOf(input, new AbortController().signal);
  if (feed === null) throw new Error("nobody listens");
  const aired = await start({ ...options, input }, feed.info, feed, startedMs, (source) => {
    counters = (): SourceCounters => source.counters();
    stop = (): void => source.stop();
  });
  await pushed;
  return aired;
}

async function start(
  options: AirOptions,
  source: SourceInfo,
  feed: FirstFeed,
  startedMs: number,
  onSource: (source: Source) => void,
): Promise<Aired> {
  const { input, ladder = SMALL_LADDER, segmentMs = 2000, muxed = false, untilS } = options;
  const preset = { ...PRESETS.balanced, partMs: Math.min(PRESETS.balanced.partMs, segmentMs / 2), segmentMs };
  const renditions = planRenditions(source, parseLadderFlags(ladder));
  const job = encodeJob(renditions, preset, { h264: "libx264" });
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
  const hasSound = renditions.some(({ kind }) => kind === "audio");
  const maps = await canToneMap(new AbortController().signal);
  const outputs: Output[] = [];
  let start: SourceStart | null = null;
  let firstPartMs = Number.NaN;
  const aired: Source = new Source({
    ...{
      name: input.kind === "demo" ? "the demo" : input.url,
      kind: input.kind,
      job,
      partTargets,
      targetDurationS,
      muxed,
      log,
    },
    loop: input.kind === "file" && input.loop,
    open: opener(
      { input, source, canvas: job.canvas, hasSound, canToneMap: maps, filePacing: { kind: "none" }, log },
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
  const { runs } = aired.counters();
  return { source, renditions, config, schedule: job.schedule, outputs, start, end, runs, said, firstPartMs };
}
