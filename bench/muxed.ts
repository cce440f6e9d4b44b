/** Muxed audio compared with a separate audio track: two broadcasts and two viewers side by side. */
import type { Browser } from "playwright-core";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { launchBrowser } from "../tests/support/browser.ts";
import { startBroadcast } from "./broadcast.ts";
import { type BenchFigure, formatFixed, percentile } from "./stats.ts";
import { BROADCAST_WARM_UP_MS, type DelayReadings, openAtHoldBack, readDelays } from "./watch.ts";

/** One rendition each, so that two broadcasts need no more CPU than one with the default ladder. */
const LADDER = ["--ladder", "720p:2500k", "--log", "json"];
const KINDS = { separate: [], muxed: ["--muxed"] } as const;

type Kind = keyof typeof KINDS;

/** Requests of a viewer, and the delay at its playhead, over `seconds`. */
export async function measureMuxedAudio(edge: LocalEdge, adminToken: string, seconds: number): Promise<BenchFigure[]> {
  const kinds = Object.keys(KINDS) as Kind[];
  const streamOf = (kind: Kind): string => `bench-${kind}`;
  const origins = await Promise.all(
    kinds.map((kind) => startBroadcast(edge, adminToken, streamOf(kind), [...LADDER, ...KINDS[kind]])),
  );
  const browser = await launchBrowser();
  try {
    await Promise.all(origins.map((origin) => origin.waitForOutput("/watch/")));
    await new Promise((resolve) => setTimeout(resolve, BROADCAST_WARM_UP_MS));
    const [separate, together] = await Promise.all(
      kinds.map((kind) => measureViewer(browser, edge.url, streamOf(kind), seconds)),
    );
    return separate === undefined || together === undefined ? [] : compareFigures(separate, together, seconds);
  } finally {
    await browser.close();
    await Promise.all(origins.map((origin) => origin.interrupt()));
  }
}

interface ViewerReadings extends DelayReadings {
  readonly requestsPerMinute: number;
}

async function measureViewer(browser: Browser, base: string, stream: string, seconds: number): Promise<ViewerReadings> {
  const page = await openAtHoldBack(browser, `${base}/watch/${stream}?delay=smooth`);
  let requests = 0;
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith(`/live/${stream}/`)) requests += 1;
  });
  const began = performance.now();
  const readings = await readDelays(page, seconds);
  return { ...readings, requestsPerMinute: (requests * 60_000) / (performance.now() - began) };
}

function compareFigures(separate: ViewerReadings, together: ViewerReadings, seconds: number): BenchFigure[] {
  const ratio = together.requestsPerMinute / separate.requestsPerMinute;
  const [apartP95, togetherP95] = [separate, together].map(({ delays }) => percentile(delays, 95));
  const more = (togetherP95 ?? Number.NaN) - (apartP95 ?? Number.NaN);
  return [
    {
      figure: "requests per viewer and minute, muxed and separate audio",
      goal: "about half",
      measured: `${formatFixed(together.requestsPerMinute, 0)} against ${formatFixed(separate.requestsPerMinute, 0)}: ${formatFixed(ratio)}`,
      met: ratio <= 0.55,
      values: { muxedPerMinute: together.requestsPerMinute, separatePerMinute: separate.requestsPerMinute, ratio },
    },
    {
      figure: `delay at the playhead, muxed and separate audio, p95 over ${seconds} s, no stall`,
      goal: "≤ 0.1 s more",
      measured: `${formatFixed(togetherP95 ?? Number.NaN)} s against ${formatFixed(apartP95 ?? Number.NaN)} s, ${together.stalls} stalls`,
      met: more <= 0.1 && together.stalls === 0,
      values: {
        muxedP50S: percentile(together.delays, 50),
        separateP50S: percentile(separate.delays, 50),
        muxedP95S: togetherP95 ?? Number.NaN,
        separateP95S: apartP95 ?? Number.NaN,
        muxedStalls: together.stalls,
        separateStalls: separate.stalls,
        muxedTargetS: together.lastStats?.targetS ?? Number.NaN,
        separateTargetS: separate.lastStats?.targetS ?? Number.NaN,
        samples: together.delays.length,
      },
    },
  ];
}
