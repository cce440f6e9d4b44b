/** `npm run obs`: real OBS Studio through an ingest node to the watch page in Chromium, without a screen. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineCommand, runMain } from "citty";
import { percentile } from "../../bench/stats.ts";
import type { StreamHealth } from "../../core/ingest/health/health-schemas.ts";
import { buildObsOverride } from "../../core/ingest/obs/obs-configuration.ts";
import { parseStreamName } from "../../core/kit/ids.ts";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { launchBrowser, readPageStats, waitForStats } from "../support/browser.ts";
import { makeSource } from "../support/ffmpeg-senders.ts";
import { IngestProcess } from "../support/ingest-process.ts";
import { freePort } from "../support/ports.ts";
import { type ObsOptions, ObsProcess, SIZE } from "./obs-process.ts";
import { readClock, showClock } from "./screen-clock.ts";

const START_MS = 60_000;
/** Time for the page to reach its hold-back before the delay is read. */
const SETTLE_MS = 20_000;
/** Seconds until an encoder has told its metrics: some groups of pictures. */
const METRICS_TRIES = 30;
/** The first release of OBS that sends them. */
const METRICS_RELEASE = 31;
const SENTENCE = "No keyframe has come for 4 s; set the keyframe interval to 2 s";

const ARGS = {
  root: { type: "string", description: "root of a system with OBS and Xvfb, entered with chroot", valueHint: "DIR" },
  seconds: { type: "string", description: "seconds of playback", default: "15" },
  screenshot: { type: "string", description: "file for a picture of the watch page", valueHint: "FILE" },
} as const;

/** Presets of the node, and what their delay from glass to glass shall be, p95 in milliseconds. */
const GLASS_GOALS_MS = { balanced: 1_300, ultra: 900 } as const;

/** What a case needs. */
interface ObsCase {
  readonly node: IngestProcess;
  readonly clip: string | null;
  readonly root: string | null;
}

const command = defineCommand({
  meta: { name: "npm run obs --", description: "Checks that OBS Studio goes live, with its defaults and as advised." },
  args: ARGS,
  async run({ args }) {
    const seconds = Number(args.seconds);
    const complaint = describeOptionError(args, ARGS);
    if (complaint !== null || !(seconds >= 5 && seconds <= 3600)) {
      console.error(complaint ?? "--seconds is from 5 to 3600.");
      process.exitCode = 2;
      return;
    }
    const folder = await mkdtemp(join(tmpdir(), "corral-obs-check-"));
    const edge = await startEdge({ port: await freePort(), dataDir: join(folder, "edge"), adminToken: ADMIN_TOKEN });
    const withNode = async <T>(work: (node: IngestProcess) => Promise<T>, flags: readonly string[]): Promise<T> => {
      const node = await IngestProcess.start(edge, ADMIN_TOKEN, ["--verbose", "--transcode", "never", ...flags]);
      try {
        return await work(node);
      } finally {
        await node.origin.interrupt();
      }
    };
    const root = args.root ?? null;
    try {
      const clip = makeSource(folder, "small");
      const failures: boolean[] = await withNode(async (node) => {
        const given: ObsCase = { node, clip, root };
        return [
          await checkAdvised(given, seconds, args.screenshot ?? null),
          await checkDefaults(given),
          await checkMultitrack(given),
        ];
      }, []);
      for (const preset of ["balanced", "ultra"] as const) {
        const flags = ["--preset", preset, "--renditions", "off"];
        failures.push(await withNode((node) => checkGlass({ node, clip: null, root }, preset, seconds), flags));
      }
      process.exitCode = failures.some(Boolean) ? 1 : 0;
    } finally {
      await edge.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

async function startObs(
  { node, clip, root }: ObsCase,
  stream: string,
  options: Pick<ObsOptions, "keyframeS" | "override">,
): Promise<ObsProcess> {
  const { key } = await node.issueKey(stream);
  const server = `rtmp://127.0.0.1:${node.rtmpPort}/live/${stream}`;
  return ObsProcess.start({ root, clip, server, key, ...options });
}

/** Keyframes every 2 s: passed through, and plays. Whether it failed. */
async function checkAdvised(given: ObsCase, seconds: number, screenshot: string | null): Promise<boolean> {
  const { node } = given;
  const obs = await startObs(given, "obs", { keyframeS: 2 });
  const browser = await launchBrowser();
  try {
    await node.origin.waitForOutput(/obs: passed through: .*/, START_MS);
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${node.edge.url}/watch/obs`);
    await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, START_MS, "showing a picture");
    await page.waitForTimeout(1_000 * seconds);
    const stats = await readPageStats(page);
    if (screenshot !== null) await page.screenshot({ path: screenshot });
    const decision = /obs: (passed through: .*)/.exec(node.origin.output)?.[1];
    console.log(`OBS, keyframes every 2 s: ${decision}`);
    console.log(`  watch page: delay ${stats?.delayS?.toFixed(2)} s, ${stats?.stalls} stalls, ${stats?.rendition}`);
    return stats?.error !== null;
  } finally {
    await browser.close();
    await obs.stop();
  }
}

/** OBS captures a screen with a clock, which is read from the watch page. Whether it failed. */
async function checkGlass(given: ObsCase, preset: keyof typeof GLASS_GOALS_MS, seconds: number): Promise<boolean> {
  const { node } = given;
  const stream = `obs-glass-${preset}`;
  const obs = await startObs(given, stream, { keyframeS: 2 });
  const clock = await showClock(obs.display, SIZE);
  const browser = await launchBrowser();
  try {
    await node.origin.waitForOutput(new RegExp(`${stream}: passed through`), START_MS);
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${node.edge.url}/watch/${stream}`);
    await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, START_MS, "showing a picture");
    await page.waitForTimeout(SETTLE_MS);
    const before = await readPageStats(page);
    const delays = await readClock(page, seconds);
    const after = await readPageStats(page);
    const [p50, p95] = [50, 95].map((p) => (percentile(delays, p) / 1000).toFixed(2));
    const stalls = (after?.stalls ?? 0) - (before?.stalls ?? 0);
    const goal = GLASS_GOALS_MS[preset];
    console.log(
      `OBS, ${preset}: glass to glass p50 ${p50} s, p95 ${p95} s of ${delays.length} pictures, ${stalls} stalls (goal p95 ${goal / 1000} s)`,
    );
    return delays.length === 0;
  } finally {
    await browser.close();
    await clock.close();
    await obs.stop();
  }
}

/** OBS's defaults: refused with advice. Whether it failed. */
async function checkDefaults(given: ObsCase): Promise<boolean> {
  const obs = await startObs(given, "obs-defaults", { keyframeS: null });
  try {
    await given.node.origin.waitForOutput(/obs-defaults: the sender is refused: .*/, START_MS);
    const sentence = /obs-defaults: the sender is refused: (.*)/.exec(given.node.origin.output)?.[1] ?? "";
    const interval = /keyint:\s+(\d+)/.exec(obs.output)?.[1];
    console.log(`OBS, defaults (a keyframe every ${interval} pictures): ${sentence}`);
    return !sentence.startsWith(SENTENCE);
  } finally {
    await obs.stop();
  }
}

/** Multitrack video: passed through, and the metrics that OBS 31 and later sends are in the health. Whether it failed. */
async function checkMultitrack(given: ObsCase): Promise<boolean> {
  const { node } = given;
  const stream = parseStreamName("obs-multitrack");
  if (stream === null) return true;
  const rtmp = { host: "127.0.0.1", port: node.rtmpPort };
  const addresses = { rtmp, rtmps: null, srt: null };
  const override = buildObsOverride(addresses, stream, { height: 360, framesPerSecond: 30 });
  const obs = await startObs(given, stream, { keyframeS: 2, override });
  try {
    await node.origin.waitForOutput(/obs-multitrack: passed through: .*/, START_MS);
    const told = await waitForMetrics(`${node.edge.url}/api/streams/${stream}/health`);
    const tracks = /obs-multitrack: (\d+p .*)/.exec(node.origin.output)?.[1];
    console.log(`OBS, multitrack video: ${tracks}`);
    const release = Number(/OBS (\d+)\.\d+\.\d+/.exec(obs.output)?.[1]);
    console.log(`  metrics of OBS ${release}: ${JSON.stringify(told)}`);
    return told === null && release >= METRICS_RELEASE;
  } finally {
    await obs.stop();
  }
}

/** The newest figures of an encoder that tells its own; null if none came in time. */
async function waitForMetrics(url: string): Promise<object | null> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  for (let count = 0; count < METRICS_TRIES; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { samples } = (await (await fetch(url, { headers })).json()) as StreamHealth;
    const { encodeMs = null, laggedShare = null, skippedShare = null, compositionMs } = samples.at(-1) ?? {};
    const { sendQueueMs, droppedShare } = samples.at(-1) ?? {};
    if (encodeMs !== null && laggedShare !== null && skippedShare !== null) {
      return { compositionMs, encodeMs, sendQueueMs, laggedShare, skippedShare, droppedShare };
    }
  }
  return null;
}

await runMain(command);
