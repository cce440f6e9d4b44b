/** The cost of moderation in workerd: bytes of the deployed script, load and start time, CPU per message. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { benignSamples, CORPUS_LEVELS } from "../core/moderation/testing.ts";
import { cpuMs, descendantPids } from "../loadtest/processes.ts";
import { type BenchFigure, formatFixed, median } from "./stats.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Number of started runtimes: each loads the module once. */
const STARTS = 5;
const MESSAGES = 20_000;

const ENTRY = `
export default { async fetch(request) {
  const { times, load, texts, levels } = await request.json();
  const moderation = load ? await import("./moderation.js") : null;
  for (let at = 0; at < times; at += 1) moderation.moderate(texts[at % texts.length], levels);
  return new Response();
} };`;

/** Every figure; takes some 10 s. */
export async function measureModerationInWorkerd(): Promise<BenchFigure[]> {
  const worker = await bundle("workers/index.ts");
  const pipeline = await bundle("core/moderation/moderate.ts");
  const starts: WorkerStart[] = [];
  for (let start = 0; start < STARTS; start += 1) starts.push(await measureStart(pipeline.text));
  const middle = (of: keyof WorkerStart): number => median(starts.map((start) => start[of]));
  const sizes = {
    scriptBytes: worker.text.length,
    scriptGzipBytes: gzipSync(worker.text).length,
    pipelineBytes: pipeline.text.length,
    pipelineGzipBytes: gzipSync(pipeline.text).length,
  };
  const times = { loadMs: middle("loadMs"), firstMs: middle("firstMs"), messageUs: middle("messageUs") };
  const kb = (bytes: number): string => formatFixed(bytes / 1000, 0);
  return [
    {
      figure: "moderation in the deployed script, minified (gzip)",
      goal: "reported",
      measured: `${kb(sizes.pipelineBytes)} kB (${kb(sizes.pipelineGzipBytes)}) of ${kb(sizes.scriptBytes)} kB (${kb(sizes.scriptGzipBytes)})`,
      met: true,
      values: sizes,
    },
    {
      figure: `moderation in workerd: load, first message, median of ${STARTS} starts; CPU per message`,
      goal: "reported",
      measured: `${formatFixed(times.loadMs, 1)} ms, ${formatFixed(times.firstMs, 1)} ms; ${formatFixed(times.messageUs, 0)} µs`,
      met: true,
      values: times,
    },
  ];
}

interface WorkerStart {
  /** Time until the module is loaded, and until the first message was judged, without the request's own time. */
  readonly loadMs: number;
  readonly firstMs: number;
  readonly messageUs: number;
}

async function measureStart(pipeline: string): Promise<WorkerStart> {
  const others = new Set(descendantPids(process.pid, "workerd"));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      workers: [
        {
          name: "judge",
          modules: [
            { type: "ESModule", path: "index.js", contents: ENTRY },
            { type: "ESModule", path: "moderation.js", contents: pipeline },
          ],
          compatibilityDate: "2026-11-02",
        },
      ],
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  const url = await miniflare.ready;
  const texts = benignSamples("tuned").map(({ text }) => text);
  const ask = async (times: number, load: boolean): Promise<number> => {
    const beganMs = performance.now();
    const body = JSON.stringify({ times, load, texts, levels: CORPUS_LEVELS });
    await (await fetch(url, { method: "POST", body })).arrayBuffer();
    return performance.now() - beganMs;
  };
  try {
    const pid = descendantPids(process.pid, "workerd").find((one) => !others.has(one)) ?? 0;
    await ask(0, false);
    const bareMs = median([await ask(0, false), await ask(0, false), await ask(0, false)]);
    const loadMs = (await ask(0, true)) - bareMs;
    const firstMs = (await ask(1, true)) - bareMs;
    await ask(MESSAGES / 4, true);
    const before = cpuMs(pid);
    await ask(MESSAGES, true);
    return { loadMs, firstMs, messageUs: (1000 * (cpuMs(pid) - before)) / MESSAGES };
  } finally {
    await miniflare.dispose();
  }
}

async function bundle(entry: string): Promise<{ readonly text: string }> {
  const { outputFiles } = await build({
    entryPoints: [`${ROOT}${entry}`],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  });
  return { text: outputFiles[0]?.text ?? "" };
}
