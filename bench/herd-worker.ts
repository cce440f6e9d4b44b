/** The viewers of the herd, in a separate thread. */
import { parentPort, workerData } from "node:worker_threads";
import { Agent, request, setGlobalDispatcher } from "undici";

/** The viewers' job. */
export type HerdJob =
  | {
      readonly kind: "watch";
      readonly base: string;
      readonly viewers: number;
      readonly seconds: number;
      readonly tracks: readonly string[];
    }
  | {
      readonly kind: "park";
      readonly base: string;
      readonly viewers: number;
      readonly track: string;
      /** Parts between the next one and the awaited one; fewer than a segment has. */
      readonly ahead: number;
    }
  | { readonly kind: "bare"; readonly base: string; readonly viewers: number };

/** The viewers' results. */
export interface HerdResult {
  readonly answers: number;
  /** Responses other than 200. */
  readonly failures: number;
  /** Time between the first and the last response to blocked requests; NaN for viewers. */
  readonly spreadMs: number;
}

const job = workerData as HerdJob;
setGlobalDispatcher(new Agent({ connections: null, headersTimeout: 15_000, bodyTimeout: 15_000 }));
/** Of the watched broadcast. */
const PARTS_PER_SEGMENT = 6;
let answers = 0;
let failures = 0;

async function get(url: string): Promise<string> {
  const { statusCode, body } = await request(url);
  const text = await body.text();
  answers += 1;
  if (statusCode !== 200) failures += 1;
  return text;
}

interface NextPart {
  msn: number;
  part: number;
}

/** The part after the last one that a playlist lists. */
function nextPart(playlist: string): NextPart {
  const [, msn, part] = /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(playlist) ?? [];
  return { msn: Number(msn), part: Number(part) };
}

async function watch(base: string, track: string, untilMs: number): Promise<void> {
  let next = nextPart(await get(`${base}/${track}/media.m3u8`));
  while (performance.now() < untilMs) {
    const playlist = await get(`${base}/${track}/media.m3u8?_HLS_msn=${next.msn}&_HLS_part=${next.part}`);
    await get(`${base}/${track}/${next.msn}.${next.part}.m4s`);
    next = nextPart(playlist);
  }
}

async function answerSpreadMs(viewers: number, ask: () => Promise<unknown>): Promise<number> {
  const times = await Promise.all(
    Array.from({ length: viewers }, async () => {
      await ask();
      return performance.now();
    }),
  );
  return Math.max(...times) - Math.min(...times);
}

async function runJob(): Promise<number> {
  switch (job.kind) {
    case "watch": {
      const untilMs = performance.now() + job.seconds * 1000;
      const { base, tracks } = job;
      await Promise.all(
        Array.from({ length: job.viewers }, () => tracks.map((track) => watch(base, track, untilMs))).flat(),
      );
      return Number.NaN;
    }
    case "park": {
      const path = `${job.base}/${job.track}/media.m3u8`;
      const { msn, part } = nextPart(await get(path));
      const ahead = part + job.ahead;
      const [at, index] = [msn + Math.floor(ahead / PARTS_PER_SEGMENT), ahead % PARTS_PER_SEGMENT];
      return answerSpreadMs(job.viewers, () => get(`${path}?_HLS_msn=${at}&_HLS_part=${index}`));
    }
    case "bare": {
      const { base } = job;
      const release = new Promise((resolve) => setTimeout(resolve, 500)).then(() => get(`${base}/release`));
      const spreadMs = await answerSpreadMs(job.viewers, () => get(`${base}/wait`));
      await release;
      return spreadMs;
    }
  }
}

const spreadMs = await runJob();
parentPort?.postMessage({ answers, failures, spreadMs } satisfies HerdResult);
