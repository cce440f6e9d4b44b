/** Latency from FFmpeg to the edge: time from a part's last frame until the part can be fetched. */
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { startBroadcast } from "./broadcast.ts";
import { type BenchFigure, formatFixed, median, percentile } from "./stats.ts";

/** One viewer requests each hinted part of the leading track ahead; both clocks are this machine's. */
export async function measurePartDelay(edge: LocalEdge, adminToken: string, seconds: number): Promise<BenchFigure[]> {
  const stream = "bench-parts";
  const origin = await startBroadcast(edge, adminToken, stream, ["--log", "json", "--verbose"]);
  try {
    await origin.waitForOutput("/watch/");
    const fetched = await fetchParts(`${edge.url}/live/${stream}`, seconds);
    const left = emitTimes(origin.output);
    const delays = [...fetched].flatMap(([part, atMs]) => {
      const from = left.get(part);
      return from === undefined ? [] : [atMs - from];
    });
    const p95 = percentile(delays, 95);
    return [
      {
        figure: "a part's last frame leaves FFmpeg → that part can be fetched at the edge, p95",
        goal: "≤ 40 ms",
        measured: `${formatFixed(p95, 0)} ms`,
        met: p95 <= 40 && delays.length > 0,
        values: { p50Ms: median(delays), p95Ms: p95, maxMs: Math.max(...delays), parts: delays.length },
      },
    ];
  } finally {
    await origin.interrupt();
  }
}

/** Arrival times of the parts of the first track, by `msn.part`. */
async function fetchParts(base: string, seconds: number): Promise<Map<string, number>> {
  const master = await (await fetch(`${base}/multivariant.m3u8`)).text();
  const media = /^\S+media\.m3u8$/m.exec(master)?.[0] ?? "";
  const folder = `${base}/${media.slice(0, media.lastIndexOf("/"))}`;
  const fetched = new Map<string, number>();
  for (const untilMs = Date.now() + seconds * 1000; Date.now() < untilMs; ) {
    const playlist = await (await fetch(`${base}/${media}`)).text();
    const part = /PRELOAD-HINT:TYPE=PART,URI="(\d+\.\d+)\.m4s"/.exec(playlist)?.[1];
    if (part === undefined) break;
    const answer = await fetch(`${folder}/${part}.m4s`);
    await answer.arrayBuffer();
    if (answer.status === 200) fetched.set(part, Date.now());
  }
  return fetched;
}

/** Emission times of the parts of the leading track, which is when their last frame had arrived from FFmpeg. */
function emitTimes(output: string): Map<string, number> {
  const left = new Map<string, number>();
  for (const line of output.split("\n")) {
    const [, time, part] = /"time":(\d+),.*"msg":"out \d+p (\d+\.\d+)"/.exec(line) ?? [];
    if (time !== undefined && part !== undefined && !left.has(part)) left.set(part, Number(time));
  }
  return left;
}
