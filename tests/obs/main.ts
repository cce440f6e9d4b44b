/** `npm run obs`: real OBS Studio through an ingest node to the watch page in Chromium, without a screen. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineCommand, runMain } from "citty";
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
import { checkGlass } from "./glass.ts";
import { OBS_START_MS, type ObsCase, startObs } from "./obs-case.ts";

/** Seconds until an encoder has told its metrics: some groups of pictures. */
const METRICS_TRIES = 30;
/** The first release of OBS that sends them. */
const METRICS_RELEASE = 31;
const SENTENCE = "No keyframe has come for 4 s; set the keyframe interval to 2 s";

/** Groups of checks, in their order. */
const CHECKS = ["live", "glass"] as const;

const ARGS = {
  root: { type: "string", description: "root of a system with OBS and Xvfb, entered with chroot", valueHint: "DIR" },
  seconds: { type: "string", description: "seconds of playback", default: "15" },
  only: { type: "string", description: `one of ${CHECKS.join(",")}`, valueHint: "NAME" },
  screenshot: { type: "string", description: "file for a picture of the watch page", valueHint: "FILE" },
} as const;

const command = defineCommand({
  meta: { name: "npm run obs --", description: "Checks that OBS Studio goes live, with its defaults and as advised." },
  args: ARGS,
  async run({ args }) {
    const seconds = Number(args.seconds);
    const complaint = describeOptionError(args, ARGS);
    const wanted: readonly string[] = CHECKS.filter((name) => args.only === undefined || args.only === name);
    if (complaint !== null || wanted.length === 0 || !(seconds >= 5 && seconds <= 3600)) {
      console.error(
        complaint ?? (wanted.length === 0 ? `Unknown check ${args.only}.` : "--seconds is from 5 to 3600."),
      );
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
    const { root = null, screenshot = null } = args;
    try {
      const failures: boolean[] = [];
      if (wanted.includes("live")) {
        const clip = makeSource(folder, "small");
        const check = async (node: IngestProcess): Promise<void> => {
          const given: ObsCase = { node, clip, root };
          failures.push(await checkAdvised(given, seconds, screenshot));
          failures.push(await checkDefaults(given), await checkMultitrack(given));
        };
        await withNode(check, []);
      }
      if (wanted.includes("glass")) {
        for (const preset of ["balanced", "ultra"] as const) {
          const flags = ["--preset", preset, "--renditions", "off"];
          failures.push(
            await withNode((node) => checkGlass({ node, clip: null, root }, preset, seconds, screenshot), flags),
          );
        }
      }
      process.exitCode = failures.some(Boolean) ? 1 : 0;
    } finally {
      await edge.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** Keyframes every 2 s: passed through, and plays. Whether it failed. */
async function checkAdvised(given: ObsCase, seconds: number, screenshot: string | null): Promise<boolean> {
  const { node } = given;
  const obs = await startObs(given, "obs", { keyframeS: 2 });
  const browser = await launchBrowser();
  try {
    await node.origin.waitForOutput(/obs: passed through: .*/, OBS_START_MS);
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${node.edge.url}/watch/obs`);
    await waitForStats(page, ({ firstPictureMs }) => firstPictureMs !== null, OBS_START_MS, "showing a picture");
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

/** OBS's defaults: refused with advice. Whether it failed. */
async function checkDefaults(given: ObsCase): Promise<boolean> {
  const obs = await startObs(given, "obs-defaults", { keyframeS: null });
  try {
    await given.node.origin.waitForOutput(/obs-defaults: the sender is refused: .*/, OBS_START_MS);
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
    await node.origin.waitForOutput(/obs-multitrack: passed through: .*/, OBS_START_MS);
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
