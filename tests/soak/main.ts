/**
 * `npm run soak -- --hours N`: a long broadcast in accelerated time, with a real FFmpeg, a real edge and viewers. Its first
 * half is one pass with drifting audio, its second a repeating clip, whose encoders are killed
 * meanwhile. Checks frame and sample steps, keyframes, segment durations, flash and beep, viewers' media, and memory.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArgsDef, defineCommand, runMain } from "citty";
import { createBroadcastId } from "../../core/kit/broadcast-id.ts";
import { createEpochClock } from "../../core/kit/epoch-clock.ts";
import { parseStreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { partTargetFor } from "../../core/media/cmaf/packager.ts";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import type { SourceInput } from "../../origin/ingest/input.ts";
import { probeSource } from "../../origin/ingest/probe.ts";
import { createSourceOpener } from "../../origin/ingest/source-opener.ts";
import { startEdge } from "../../origin/local-edge/edge.ts";
import { createEncodeJob } from "../../origin/packager/encode-plan.ts";
import { frameMs, parseLadderFlags, planRenditions, type Rendition } from "../../origin/packager/ladder.ts";
import { PRESETS } from "../../origin/packager/presets.ts";
import { SourceSupervisor } from "../../origin/packager/source-supervisor.ts";
import { announcedTracks } from "../../origin/packager/tracks.ts";
import { BroadcastPublisher } from "../../origin/publisher/broadcast-publisher.ts";
import { decodeOutput, maxAvOffsetMs } from "../sources/decode-output.ts";
import { AAC_ARGS, flashAndBeepArgs, H264_ARGS, runFfmpeg } from "../sources/ffmpeg-args.ts";
import { SMALL_LADDER } from "../sources/package-source.ts";
import { freePort } from "../support/ports.ts";
import { OutputWatcher } from "./output-watcher.ts";
import { followRendition, type ViewerCounts } from "./viewer.ts";

/** The audio clock in the first half: it gains a tenth of a millisecond per second, 0.36 s per hour. */
const DRIFT = 1.0001;
const RATE = { num: 30_000, den: 1001 } as const;
/** Media between two samples of video and audio, and between two kills, seconds. */
const CHECK_EVERY_S = 300;
const KILL_EVERY_S = 900;
/** Flash and beep are in sync within this, milliseconds. */
const MAX_AV_OFFSET_MS = 40;
/** Ignored time at both ends of a sample, seconds: it still contains the distance of two flashes. */
const EDGE_S = 0.3;
/** Parts queued for the edge before the source waits. */
const MAX_WAITING_PARTS = 60;
/** Allowed memory of the last quarter relative to the second. */
const MAX_MEMORY_GROWTH = 0.1;

const ARGS = {
  hours: { type: "string", description: "hours of media", default: "1", valueHint: "N" },
  viewers: { type: "string", description: "viewers that follow the broadcast", default: "3", valueHint: "N" },
} as const satisfies ArgsDef;

const command = defineCommand({
  meta: {
    name: "npm run soak --",
    description: "A long broadcast in accelerated time, with drift, loops, losses and viewers.",
  },
  args: ARGS,
  async run({ args }) {
    const [hours, viewers] = [Number(args.hours), Number(args.viewers)];
    const complaint = describeOptionError(args, ARGS);
    if (
      complaint !== null ||
      !(hours >= 0.01 && hours <= 1000) ||
      !(Number.isInteger(viewers) && viewers >= 0 && viewers <= 200)
    ) {
      console.error(complaint ?? "--hours is from 0.01 to 1000, --viewers a whole number from 0 to 200.");
      process.exitCode = 2;
      return;
    }
    process.exitCode = (await runSoak(hours, viewers)) ? 0 : 1;
  },
});
await runMain(command);
process.exit();

/** An endless lavfi graph of flash and beep with drifting audio. */
function driftingInput(): SourceInput {
  const period = 60;
  const periodS = (period * RATE.den) / RATE.num;
  const picture =
    `color=c=black:s=160x90:r=${RATE.num}/${RATE.den},` +
    `drawbox=color=white:t=fill:enable='lt(mod(n\\,${period})\\,3)'[out0]`;
  const beep = `0.5*sin(2*PI*1000*t)*lt(mod(t*${DRIFT}\\,${periodS})\\,0.1)`;
  const sound = `aevalsrc=exprs='${beep}|${beep}':s=48000:c=stereo,asetpts=PTS*${DRIFT}[out1]`;
  return { kind: "file", url: `${picture};${sound}`, loop: false, format: "lavfi" };
}

async function runSoak(hours: number, viewerCount: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "corral-soak-"));
  const adminToken = randomBytes(16).toString("hex");
  const edge = await startEdge({ port: await freePort(), dataDir: join(folder, "edge"), adminToken });
  try {
    const clip = join(folder, "clip.mp4");
    runFfmpeg(folder, ...flashAndBeepArgs({ seconds: 8, rate: "25" }), ...H264_ARGS, ...AAC_ARGS, clip);
    const halfS = hours * 1800;
    const halves = [
      { name: "one reading whose sound drifts", input: driftingInput(), stream: "drift" },
      { name: "a clip that repeats", input: { kind: "file", url: clip, loop: true } as const, stream: "loop" },
    ];
    let isRight = true;
    for (const { name, input, stream } of halves) {
      console.log(`${name}: ${(halfS / 3600).toFixed(2)} h`);
      isRight = (await runHalf(input, stream, halfS, viewerCount, edge.url, adminToken)) && isRight;
    }
    console.log(isRight ? "soak: all held" : "soak: failed");
    return isRight;
  } finally {
    await edge.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runHalf(
  input: SourceInput,
  streamText: string,
  untilS: number,
  viewerCount: number,
  edgeUrl: string,
  adminToken: string,
): Promise<boolean> {
  const stream = parseStreamName(streamText);
  if (stream === null) throw new RangeError(`no stream name: ${streamText}`);
  const headers = { authorization: `Bearer ${adminToken}` };
  const made = await fetch(`${edgeUrl}/api/streams/${stream}/keys`, { method: "POST", headers });
  const { key } = (await made.json()) as { key: string };
  const info = await probeSource(input, new AbortController().signal);
  const preset = PRESETS.balanced;
  const renditions = planRenditions(info, parseLadderFlags(SMALL_LADDER));
  const job = createEncodeJob(renditions, preset, { h264: "libx264" });
  const leader = renditions[0];
  if (leader === undefined || job.schedule === null) throw new RangeError("the source has no picture");
  const partTargetMs = partTargetFor(preset.partMs, frameMs(leader));
  const partTargets = new Map(renditions.map(({ name }) => [name, partTargetMs]));
  const targetDurationS = job.schedule.targetDurationS;
  const watcher = new OutputWatcher(renditions, frameMs(leader) / 1000, targetDurationS);
  const said: string[] = [];
  const log = { info: () => {}, warn: (text: string) => said.push(text), error: (text: string) => said.push(text) };
  const leave = new AbortController();
  const viewers: Promise<ViewerCounts>[] = [];
  let publisher: BroadcastPublisher | null = null;
  let opened: Promise<void> = Promise.resolve();
  let fatal: Error | null = null;
  let [nextLookS, nextLossS, losses, worstMs] = [CHECK_EVERY_S / 10, KILL_EVERY_S, 0, 0];
  const memory: number[] = [];
  const fail = (error: Error): void => {
    fatal = error;
    source.stop();
  };
  const startedMs = performance.now();
  const epochNowMs = createEpochClock(systemPlatform.clock);
  const source: SourceSupervisor = new SourceSupervisor({
    ...{ name: streamText, kind: "file", loop: input.kind === "file" && input.loop, job, partTargets, targetDurationS },
    ...{ muxed: false, log, platform: systemPlatform, epochNowMs },
    open: createSourceOpener(
      {
        ...{ input, source: info, canvas: job.canvas, hasAudio: true, canToneMap: false, log },
        ...{ filePacing: { kind: "none" }, clock: systemPlatform.clock, epochNowMs },
      },
      null,
    ),
    isFull: () => (publisher?.counters().waiting ?? 0) > MAX_WAITING_PARTS,
    onStart: ({ startedAtMs, inits }) => {
      const tracks = announcedTracks(job, inits, partTargets, false);
      const config = {
        broadcast: createBroadcastId(systemPlatform),
        startedAtMs,
        targetDurationS,
        windowS: 60,
        tracks,
      };
      const to = { edge: edgeUrl, key, stream, publisher: randomBytes(9).toString("base64url") };
      const created = new BroadcastPublisher({ ...to, config, log, onFatal: fail, platform: systemPlatform });
      publisher = created;
      opened = created.open();
      opened.catch(fail);
      created.firstPart
        .then(() => startViewers(edgeUrl, streamText, viewerCount, leave.signal, viewers))
        .catch(() => {});
    },
    onOutput: (output) => {
      watcher.checkOutput(output);
      publisher?.push(output);
      const mediaS = source.counters().mediaMs / 1000;
      if (mediaS >= nextLookS) {
        nextLookS += CHECK_EVERY_S;
        const worst = sampleOffsetMs(watcher, renditions);
        // Right after a kill there is less than a sample.
        if (Number.isFinite(worst)) worstMs = Math.max(worstMs, worst);
        memory.push(process.memoryUsage().rss);
        const speed = mediaS / ((performance.now() - startedMs) / 1000);
        const faults = [...watcher.faults.values()].reduce((sum, count) => sum + count, 0);
        console.log(
          `  ${(mediaS / 3600).toFixed(2)} h at ${speed.toFixed(0)} times its speed, flash to beep ${worst.toFixed(0)} ms, ` +
            `${faults} faults, ${losses} losses, ${((memory.at(-1) ?? 0) / 1e6).toFixed(0)} MB`,
        );
      }
      // A generator cannot be resumed: it would start over.
      const isLossy = input.kind === "file" && input.loop && mediaS < untilS - CHECK_EVERY_S / 10;
      if (isLossy && mediaS >= nextLossS && source.pids[0] !== undefined) {
        nextLossS += KILL_EVERY_S;
        losses += 1;
        process.kill(source.pids[losses % source.pids.length] ?? source.pids[0], "SIGKILL");
      }
      if (mediaS >= untilS) source.stop();
    },
  });
  const end = await source.run();
  await opened.catch(() => {});
  const sender = publisher as BroadcastPublisher | null;
  await sender?.end();
  const sent = sender?.counters();
  leave.abort();
  const watched = await Promise.all(viewers);
  await sender?.close();
  const sum = (pick: (counts: ViewerCounts) => number): number =>
    watched.reduce((all, counts) => all + pick(counts), 0);
  const quarter = Math.floor(memory.length / 4);
  const median = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const isLong = quarter >= 2;
  const growth = !isLong ? 0 : median(memory.slice(-quarter)) / median(memory.slice(quarter, 2 * quarter)) - 1;
  const checks: readonly (readonly [string, string, boolean])[] = [
    ["ended", fatal === null ? end.kind : String(fatal), fatal === null && end.kind === "stopped"],
    [
      "restarts beyond the losses",
      `${source.counters().sessions - 1 - losses}`,
      source.counters().sessions - 1 === losses,
    ],
    ["discontinuities beyond the losses", `${watcher.discontinuities - losses}`, watcher.discontinuities === losses],
    [
      "faults in frames and segments",
      [...watcher.faults].map(([what, n]) => `${n} × ${what}`).join("; ") || "0",
      watcher.faults.size === 0,
    ],
    ["flash to beep, at worst", `${worstMs.toFixed(0)} ms`, worstMs <= MAX_AV_OFFSET_MS],
    ["parts given up by the publisher", `${sent?.gapsByOverflow ?? 0}`, (sent?.gapsByOverflow ?? 1) === 0],
    ["parts that viewers got", `${sum(({ parts }) => parts)}`, viewerCount === 0 || sum(({ parts }) => parts) > 0],
    [
      "viewers' errors and holes",
      `${sum(({ errors }) => errors)}, ${sum(({ holes }) => holes)}`,
      sum(({ errors, holes }) => errors + holes) === 0,
    ],
    [
      "memory, last quarter against the second",
      isLong ? `${(growth * 100).toFixed(1)} %` : "not judged: too few readings, give more --hours",
      growth <= MAX_MEMORY_GROWTH,
    ],
    ["FFmpeg left behind", `${countLeftoverFfmpegs()}`, countLeftoverFfmpegs() === 0],
  ];
  for (const [what, value, isRight] of checks) console.log(`  ${isRight ? "ok    " : "FAILED"} ${what}: ${value}`);
  for (const text of new Set(watched.flatMap(({ firstError }) => firstError ?? [])))
    console.log(`  a viewer got ${text}`);
  for (const text of new Set(said.filter((text) => !/SIGKILL/.test(text)))) console.log(`  it said: ${text}`);
  return checks.every(([, , isRight]) => isRight);
}

function sampleOffsetMs(watcher: OutputWatcher, renditions: readonly Rendition[]): number {
  const { outputs } = watcher.takeSample();
  const watched = decodeOutput({ outputs, renditions, config: { muxed: false } });
  // At its ends, a sample may contain only one of the two.
  const [first = 0, last = 0] = [watched.pictures[0]?.atS, watched.pictures.at(-1)?.atS];
  const whole = watched.pictures.filter(({ atS }) => atS > first + EDGE_S && atS < last - EDGE_S);
  return maxAvOffsetMs({ ...watched, pictures: whole });
}

async function startViewers(
  edge: string,
  stream: string,
  count: number,
  signal: AbortSignal,
  viewers: Promise<ViewerCounts>[],
): Promise<void> {
  const base = `${edge}/live/${stream}/multivariant.m3u8`;
  const text = await (await fetch(base)).text();
  const uris = [...text.matchAll(/^(?!#).+\.m3u8$|URI="([^"]+media\.m3u8)"/gm)].map(([whole, uri]) => uri ?? whole);
  for (let i = 0; i < count; i++) viewers.push(followRendition(base, uris[i % uris.length] ?? "", signal));
}

/** Our running FFmpeg processes. */
function countLeftoverFfmpegs(): number {
  const path = `/proc/${process.pid}/task/${process.pid}/children`;
  const children = readFileSync(path, "utf8").trim().split(" ");
  return children.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "ffmpeg";
    } catch {
      return false;
    }
  }).length;
}
