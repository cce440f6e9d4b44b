import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createEpochClock } from "../../core/kit/epoch-clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { type PackagerOutput, partTargetFor } from "../../core/media/cmaf/packager.ts";
import type { SourceInput } from "../ingest/input.ts";
import { probeSource } from "../ingest/probe.ts";
import type { SourceInfo } from "../ingest/source-info.ts";
import { createSourceOpener } from "../ingest/source-opener.ts";
import { testSourceInfo } from "../testing/source-info.ts";
import { createEncodeJob } from "./encode-plan.ts";
import { frameMs, parseLadderFlags, planRenditions } from "./ladder.ts";
import { PRESETS } from "./presets.ts";
import { SourceSupervisor, type SourceSupervisorOptions } from "./source-supervisor.ts";

const folder = mkdtempSync(join(tmpdir(), "corral-source-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LAVFI = "testsrc2=s=160x90:r=30[out0];sine=r=48000[out1]";
const TINY: SourceInfo = testSourceInfo(160, 90);

function optionsFor(
  input: SourceInput,
  source: SourceInfo,
  more: Partial<SourceSupervisorOptions> = {},
): SourceSupervisorOptions & { outputs: PackagerOutput[]; warnings: string[] } {
  const preset = { ...PRESETS.balanced, partMs: 200, segmentMs: 1000 };
  const renditions = planRenditions(source, parseLadderFlags("90p:200k"));
  const job = createEncodeJob(renditions, preset, { h264: "libx264" });
  const { clock } = systemPlatform;
  const epochNowMs = createEpochClock(clock);
  const outputs: PackagerOutput[] = [];
  const warnings: string[] = [];
  const warn = (text: string): number => warnings.push(text);
  const log = { info: (): void => {}, warn, error: warn };
  return {
    name: input.kind === "demo" ? "demo" : input.url,
    kind: input.kind,
    loop: input.kind === "file" && input.loop,
    open: createSourceOpener(
      { ...{ input, source, log, clock, epochNowMs }, canvas: job.canvas, hasAudio: true, canToneMap: false },
      null,
    ),
    job,
    partTargets: new Map(renditions.map((each) => [each.name, partTargetFor(preset.partMs, frameMs(each))])),
    targetDurationS: 1,
    muxed: false,
    log,
    platform: systemPlatform,
    epochNowMs,
    onStart: () => {},
    onOutput: (output) => outputs.push(output),
    outputs,
    warnings,
    ...more,
  };
}

type Part = Extract<PackagerOutput, { kind: "part" }>;
const partsOf = (outputs: readonly PackagerOutput[], track: string): Part[] =>
  outputs.filter((output): output is Part => output.kind === "part" && output.track === track);

/** Parts follow each other without a hole, and every segment is closed. */
function expectContiguous(parts: readonly Part[]): void {
  let next = { msn: 0, part: 0 };
  for (const { meta } of parts) {
    expect({ msn: meta.msn, part: meta.part }).toEqual(next);
    next = meta.close === undefined ? { msn: meta.msn, part: meta.part + 1 } : { msn: meta.msn + 1, part: 0 };
  }
  expect(parts.at(-1)?.meta.close).toBeDefined();
}

test("a killed decoder is restarted at its position, and its track is not delayed", {
  timeout: 30_000,
}, async () => {
  const input: SourceInput = { kind: "file", url: LAVFI, loop: true, format: "lavfi" };
  const options = optionsFor(input, TINY, { limits: { retry: { firstMs: 1, maxMs: 1 } } });
  let resumed = 0;
  let isKilled = false;
  const source: SourceSupervisor = new SourceSupervisor({
    ...options,
    onOutput: (output) => {
      if (output.kind !== "part" || output.track !== "90p") return;
      if (!isKilled && output.meta.msn === 1) {
        isKilled = true;
        execFileSync("pkill", ["-KILL", "-P", `${process.pid}`, "-f", "rawvideo -map_metadata"]);
      } else if (source.counters().sessions === 2 && !output.meta.gap) {
        resumed += 1;
        if (resumed === 3) source.stop();
      }
    },
  });
  expect(await source.run()).toEqual({ kind: "stopped" });
  expect(options.warnings.join(" ")).toContain("SIGKILL");
});

test("after FFmpeg is killed the broadcast continues behind gaps and a discontinuity", {
  timeout: 20_000,
}, async () => {
  let killed = false;
  let resumed = 0;
  const options = optionsFor({ kind: "file", url: LAVFI, loop: true, format: "lavfi" }, TINY, {
    limits: { retry: { firstMs: 900, maxMs: 900 } },
  });
  const seen = options.outputs;
  const source = new SourceSupervisor({
    ...options,
    onOutput: (output) => {
      seen.push(output);
      const media = output.kind === "part" && output.track === "90p" && !output.meta.gap;
      if (media && !killed && output.meta.msn === 1) {
        killed = true;
        process.kill(source.pids[0] ?? expect.fail("no FFmpeg runs"), "SIGKILL");
      } else if (media && source.counters().sessions === 2) {
        resumed += 1;
        if (resumed === 3) source.stop();
      }
    },
  });
  expect(await source.run()).toEqual({ kind: "stopped" });
  for (const track of ["90p", "audio"]) {
    const parts = partsOf(seen, track);
    expectContiguous(parts);
    expect(parts.some(({ meta }) => meta.gap)).toBe(true);
    const [restart, ...more] = parts.filter(({ meta }) => meta.start?.discontinuity === true);
    expect(more).toEqual([]);
    expect(restart?.meta.gap).toBe(false);
    const before = restart === undefined ? undefined : parts[parts.indexOf(restart) - 1];
    expect(before?.meta.gap).toBe(true);
  }
  expect(options.warnings).toHaveLength(1);
  expect(options.warnings[0]).toContain("SIGKILL");
});

test("a file is published to its last frame, its shorter audio padded, and ends", {
  timeout: 20_000,
}, async () => {
  const file = join(folder, "short.mp4");
  const lavfi = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=2.5", "-f", "lavfi", "-i", "sine=d=1"];
  execFileSync("ffmpeg", ["-v", "error", ...lavfi, "-c:v", "libx264", "-preset", "ultrafast", file]);
  const input: SourceInput = { kind: "file", url: file, loop: false };
  const options = optionsFor(input, await probeSource(input, new AbortController().signal));
  expect(await new SourceSupervisor(options).run()).toEqual({ kind: "ended" });
  for (const [track, timescale] of [
    ["90p", 90_000],
    ["audio", 48_000],
  ] as const) {
    const parts = partsOf(options.outputs, track);
    expectContiguous(parts);
    expect(parts.reduce((sum, { meta }) => sum + meta.durationTicks, 0) / timescale).toBeCloseTo(2.5, 0);
    expect(Math.max(...parts.map(({ meta }) => meta.msn))).toBe(2);
  }
  expect(options.warnings).toEqual([]);
});

test("a source whose FFmpeg is killed more often than the failure limit is retried without end", {
  timeout: 30_000,
}, async () => {
  const kinds = [
    { kind: "demo", film: null, font: null, width: 160, height: 90, frameRate: 30 },
    {
      kind: "live",
      url: "testsrc2=s=160x90:r=30,realtime[out0];sine=r=48000,arealtime[out1]",
      listen: false,
      format: "lavfi",
    },
    { kind: "file", url: LAVFI, loop: true, format: "lavfi" },
  ] as const satisfies readonly SourceInput[];
  const broadcasts = kinds.map(async (input) => {
    const limits = { failures: { demo: 2, file: 2, live: 2 }, retry: { firstMs: 1, maxMs: 1 } };
    const options = optionsFor(input, TINY, { limits });
    let killedInRun = 0;
    const source: SourceSupervisor = new SourceSupervisor({
      ...options,
      onOutput: (output) => {
        const { sessions } = source.counters();
        if (output.kind !== "part" || output.meta.gap || killedInRun === sessions) return;
        killedInRun = sessions;
        if (sessions === 4) source.stop();
        else process.kill(source.pids[0] ?? expect.fail("no FFmpeg runs"), "SIGKILL");
      },
    });
    expect(await source.run()).toEqual({ kind: "stopped" });
    expect(options.warnings.filter((warning) => warning.includes("SIGKILL"))).toHaveLength(3);
  });
  await Promise.all(broadcasts);
});

test("a file whose encoder crashes each time is abandoned, on air or not", {
  timeout: 20_000,
}, async () => {
  const input: SourceInput = { kind: "file", url: LAVFI, loop: true, format: "lavfi" };
  const limits = { failures: { demo: 2, file: 2, live: 2 }, retry: { firstMs: 1, maxMs: 1 } };
  const options = optionsFor(input, TINY, { limits });
  let failedInRun = 0;
  const source: SourceSupervisor = new SourceSupervisor({
    ...options,
    onOutput: (output) => {
      const { sessions } = source.counters();
      if (output.kind !== "part" || output.meta.gap || failedInRun === sessions) return;
      failedInRun = sessions;
      process.kill(source.pids[0] ?? expect.fail("no FFmpeg runs"), "SIGSEGV");
    },
  });
  expect(await source.run()).toMatchObject({ kind: "failed", message: expect.stringContaining("SIGSEGV") });
  expect(source.counters().sessions).toBe(2);
});

test("a file whose encoder is killed with its last frames has ended, not failed", {
  timeout: 20_000,
}, async () => {
  const file = join(folder, "end.mp4");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=2", file]);
  const input: SourceInput = { kind: "file", url: file, loop: false };
  const info = await probeSource(input, new AbortController().signal);
  const options = optionsFor(input, info, { limits: { retry: { firstMs: 1, maxMs: 1 } } });
  const source: SourceSupervisor = new SourceSupervisor({
    ...options,
    open: async (signal) => {
      const open = await options.open(signal);
      // The second opening finds nothing after the position of the first.
      return source.counters().sessions === 0
        ? open
        : { ...open, read: (_, onProcessEnd) => open.read(60, onProcessEnd) };
    },
    onOutput: (output) => {
      const isLate = output.kind === "part" && output.meta.msn === 1 && source.counters().sessions === 1;
      const [pid] = source.pids;
      if (isLate && pid !== undefined) process.kill(pid, "SIGKILL");
    },
  });
  expect(await source.run()).toEqual({ kind: "ended" });
  expect(source.counters().sessions).toBe(2);
});

test("an input without media gives one error that names it", async () => {
  const file = join(folder, "garbage.mp4");
  writeFileSync(file, Buffer.alloc(20_000, 0xa5));
  const probing = probeSource({ kind: "file", url: file, loop: false }, new AbortController().signal);
  await expect(probing).rejects.toThrow(/^Cannot read .*garbage\.mp4: Invalid data/);
});

test("a file that cannot be read fails with one sentence of FFmpeg's own, without a retry", {
  timeout: 20_000,
}, async () => {
  const input: SourceInput = { kind: "file", url: join(folder, "gone.mp4"), loop: false };
  const options = optionsFor(input, TINY);
  const source = new SourceSupervisor(options);
  expect(await source.run()).toMatchObject({
    kind: "failed",
    message: expect.stringMatching(/gone\.mp4 cannot be broadcast: no frame.*No such file/),
  });
  expect(source.counters().sessions).toBe(1);
  expect(options.warnings).toEqual([]);
});
