/** Audio/video sync for a viewer: a broadcast in the watch page compared with a plain file. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { AAC_ARGS, concatenateFiles, flashAndBeepArgs, H264_ARGS, runFfmpeg } from "../tests/sources/ffmpeg-args.ts";
import { launchBrowser } from "../tests/support/browser.ts";
import {
  type PlaybackCapture,
  type PresentedFrame,
  readPlaybackCapture,
  startPlaybackCapture,
} from "../tests/support/playback-capture.ts";
import { startBroadcast } from "./broadcast.ts";
import { type BenchFigure, formatFixed, median } from "./stats.ts";
import { BROADCAST_WARM_UP_MS } from "./watch.ts";

const GOAL_MS = 40;
/** Video and audio begin at a random offset within a refresh interval, so the plain file is played more than once. */
const REFERENCE_PLAYS = 3;
/** Seconds of each playback of the plain file, and of the broadcast: more than two rounds of its file. */
const REFERENCE_S = 5;
const WATCHED_S = 28;
/** A beep and a flash further apart are no pair, milliseconds. */
const MAX_PAIR_MS = 900;
const FRAME_MS = 40;
/** Pictures before and after a flash whose display times are compared. */
const NEIGHBOR_FRAMES = 12;
/** A player that has just started shows its first picture before it plays. */
const SETTLE_MS = 1_000;

/** Plays both in turn in the same Chromium, so that its own output latency cancels out. */
export async function measurePageAvSync(edge: LocalEdge, adminToken: string): Promise<BenchFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), "corral-bench-in-step-"));
  const browser = await launchBrowser();
  const source = makeSource(folder);
  makeReference(folder);
  const origin = await startBroadcast(edge, adminToken, "bench-in-step", [source, "--loop", "--ladder", "240p:300k"]);
  try {
    await origin.waitForOutput("/watch/");
    const warm = new Promise((resolve) => setTimeout(resolve, BROADCAST_WARM_UP_MS));
    const reference: number[] = [];
    for (let play = 0; play < REFERENCE_PLAYS; play += 1)
      reference.push(...beepOffsets(await playFile(browser, join(folder, "plain.mp4"))));
    await warm;
    const watched = beepOffsets(await playBroadcast(browser, `${edge.url}/watch/bench-in-step?delay=smooth`));
    return [syncFigure(reference, watched)];
  } finally {
    await browser.close();
    await origin.interrupt();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Six seconds of 48 kHz in stereo and six of 44.1 kHz in mono, in one file. */
function makeSource(folder: string): string {
  const size = "426x240";
  const encoded = [...H264_ARGS, ...AAC_ARGS, "-f", "mpegts"];
  const mono = { size, sampleRate: 44_100, layout: "mono" };
  runFfmpeg(folder, ...flashAndBeepArgs({ size }), ...encoded, "first.ts");
  runFfmpeg(folder, ...flashAndBeepArgs(mono), ...encoded, "-output_ts_offset", "6", "second.ts");
  concatenateFiles(folder, "source.ts", ["first.ts", "second.ts"]);
  return join(folder, "source.ts");
}

/** A file whose audio has no encoder delay, which players skip in different ways. */
function makeReference(folder: string): void {
  const shape = { size: "426x240", seconds: REFERENCE_S };
  runFfmpeg(folder, ...flashAndBeepArgs(shape), ...H264_ARGS, "-bf", "0", "-c:a", "flac", "-strict", "-2", "plain.mp4");
}

async function playFile(browser: Browser, file: string): Promise<PlaybackCapture> {
  const page = await (await browser.newContext()).newPage();
  await page.route("**/*", (route) =>
    route.request().url().endsWith(".mp4")
      ? route.fulfill({ contentType: "video/mp4", body: readFileSync(file) })
      : route.fulfill({ contentType: "text/html", body: "<video src='plain.mp4'></video>" }),
  );
  await page.goto("http://localhost/plain");
  await startPlaybackCapture(page);
  await page.evaluate(async () => {
    const video = document.querySelector("video");
    const ended = new Promise((resolve) => video?.addEventListener("ended", resolve));
    await video?.play();
    await ended;
  });
  const played = await readPlaybackCapture(page);
  await page.context().close();
  return played;
}

async function playBroadcast(browser: Browser, url: string): Promise<PlaybackCapture> {
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.goto(url);
  await startPlaybackCapture(page);
  await page.waitForTimeout(WATCHED_S * 1000);
  const played = await readPlaybackCapture(page);
  await page.context().close();
  return played;
}

/** The delay of each beep after its flash, milliseconds. */
function beepOffsets({ beeps, pictures }: PlaybackCapture): number[] {
  const fromMs = (pictures[0]?.atMs ?? Number.NaN) + SETTLE_MS;
  const flashes = flashTimes(pictures);
  return beeps.flatMap((beepMs) => {
    const offsets = flashes.map((flashMs) => beepMs - flashMs).filter((offset) => Math.abs(offset) < MAX_PAIR_MS);
    const nearest = offsets.toSorted((a, b) => Math.abs(a) - Math.abs(b))[0];
    return nearest === undefined || beepMs < fromMs ? [] : [nearest];
  });
}

/**
 * The due times of flashes on screen. A screen shows a picture at its next refresh, or not at all: the offset between its
 * clock and the media's is the median of the pictures around.
 */
function flashTimes(pictures: readonly PresentedFrame[]): number[] {
  return pictures.flatMap(({ mediaMs, isWhite }, i) => {
    const before = pictures[i - 1];
    const isBegun = isWhite && before?.isWhite === false && mediaMs - before.mediaMs < 1.5 * FRAME_MS;
    const around = pictures.slice(Math.max(0, i - NEIGHBOR_FRAMES), i + NEIGHBOR_FRAMES + 1);
    return isBegun ? [mediaMs + median(around.map((shown) => shown.atMs - shown.mediaMs))] : [];
  });
}

function syncFigure(reference: readonly number[], watched: readonly number[]): BenchFigure {
  const zeroMs = median(reference);
  const offsets = watched.map((offset) => offset - zeroMs);
  const middleMs = median(offsets);
  const worstMs = offsets.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0] ?? Number.NaN;
  return {
    figure: "audio delay against video in the watch page, minus a plain file's, median and maximum",
    goal: `median within ${GOAL_MS} ms`,
    measured: `${formatFixed(middleMs, 0)} ms, ${formatFixed(worstMs, 0)} ms`,
    met: Math.abs(middleMs) <= GOAL_MS,
    values: { medianMs: middleMs, furthestMs: worstMs, plainMs: zeroMs, beeps: offsets.length },
  };
}
