/** `npm run bench`: every figure of the README, as a table and as JSON. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineCommand, runMain } from "citty";
import { describeOptionError } from "../origin/cli/option-errors.ts";
import { startEdge } from "../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../tests/support/admin-token.ts";
import { freePort } from "../tests/support/ports.ts";
import { measurePageAvSync } from "./av-sync.ts";
import { measureChatHour } from "./chat-hour.ts";
import { measureConformance } from "./conformance.ts";
import { measureDirectory } from "./directory.ts";
import { measureFlowHerd } from "./flow-herd.ts";
import { measureFlowHour } from "./flow-hour.ts";
import { measureHerd } from "./herd.ts";
import { measureHiccups } from "./hiccups.ts";
import { measureCacheHits } from "./hits.ts";
import { measureIngestHour } from "./ingest/hour.ts";
import { measureIngest } from "./ingest.ts";
import { measureLinkChange } from "./link.ts";
import { measureLongWindows } from "./long-windows.ts";
import { measureModeration } from "./moderation.ts";
import { measureMuxedAudio } from "./muxed.ts";
import { measureOriginCpu } from "./origin.ts";
import { measurePackager } from "./packager.ts";
import { measurePartDelay } from "./parts.ts";
import { measureRenewals } from "./renewals.ts";
import type { BenchFigure } from "./stats.ts";
import { measureFlowPlayback, measurePlayback } from "./watch.ts";

const BENCHES = [
  "packager",
  "origin",
  "ingest",
  "herd",
  "hits",
  "parts",
  "balanced",
  "ultra",
  "flow",
  "flow-herd",
  "hiccups",
  "link",
  "renewals",
  "muxed",
  "in-step",
  "conformance",
  "moderation",
  "directory",
  "long-windows",
] as const;

/** Those that run by name only: they take an hour, or as long as is asked for. */
const LONG_BENCHES = ["ingest-hour", "flow-hour", "chat-hour"] as const;
const NAMES: readonly string[] = [...BENCHES, ...LONG_BENCHES];

const ARGS = {
  only: { type: "string", description: `some of ${NAMES.join(",")}`, valueHint: "NAMES" },
  seconds: { type: "string", description: "seconds of each delay measurement", default: "60" },
  minutes: { type: "string", description: "minutes of ingest-hour, flow-hour and chat-hour", default: "60" },
  out: {
    type: "string",
    description: "folder for the CSV and the plot of flow-hour",
    default: "docs",
    valueHint: "DIR",
  },
  json: { type: "string", description: "file for the figures as JSON", valueHint: "FILE" },
} as const;

const command = defineCommand({
  meta: { name: "npm run bench --", description: "Measures Corral on this machine." },
  args: ARGS,
  async run({ args }) {
    const wanted = args.only === undefined ? [...BENCHES] : args.only.split(",");
    const unknown = wanted.filter((name) => !NAMES.includes(name));
    const [seconds, minutes] = [Number(args.seconds), Number(args.minutes)];
    const complaint = describeOptionError(args, ARGS);
    if (complaint !== null) {
      console.error(complaint);
      process.exitCode = 2;
      return;
    }
    const areTimesValid = seconds >= 5 && seconds <= 3600 && minutes >= 2 && minutes <= 1440;
    if (unknown.length > 0 || !areTimesValid) {
      const times = "--seconds is from 5 to 3600, --minutes from 2 to 1440.";
      console.error(unknown.length > 0 ? `Unknown bench ${unknown[0]}.` : times);
      process.exitCode = 2;
      return;
    }
    const figures = await runBenches(wanted, { seconds, minutes, folder: args.out });
    printTable(figures);
    const json = `${JSON.stringify(figures, null, 2)}\n`;
    if (args.json === undefined) console.log(json);
    else await writeFile(args.json, json);
  },
});

/** How long each measurement takes, and where plots go. */
interface BenchOptions {
  readonly seconds: number;
  readonly minutes: number;
  readonly folder: string;
}

async function runBenches(
  wanted: readonly string[],
  { seconds, minutes, folder }: BenchOptions,
): Promise<BenchFigure[]> {
  const adminToken = ADMIN_TOKEN;
  const dataDir = await mkdtemp(join(tmpdir(), "corral-bench-edge-"));
  const edge = await startEdge({ port: await freePort(), dataDir, adminToken });
  const benches: Record<string, () => Promise<BenchFigure[]>> = {
    packager: measurePackager,
    origin: () => measureOriginCpu(edge, adminToken),
    ingest: () => measureIngest(edge, adminToken, seconds),
    "ingest-hour": async () => {
      const measured = await measureIngestHour(edge, adminToken, minutes);
      if (measured.some(({ met }) => !met)) process.exitCode = 1;
      return measured;
    },
    herd: async () => measureHerd(edge, adminToken, 2 * seconds, { bare: await freePort() }),
    hits: async () =>
      measureCacheHits(edge, adminToken, {
        bare: await freePort(),
        dressed: await freePort(),
        nginx: await freePort(),
      }),
    parts: () => measurePartDelay(edge, adminToken, seconds),
    balanced: () => measurePlayback(edge, adminToken, "balanced", seconds),
    ultra: () => measurePlayback(edge, adminToken, "ultra", seconds),
    flow: () => measureFlowPlayback(edge, adminToken, seconds),
    "flow-herd": async () => measureFlowHerd(edge, adminToken, seconds, await freePort()),
    "flow-hour": () => measureFlowHour(edge, adminToken, minutes, folder),
    "chat-hour": () => measureChatHour(edge, adminToken, minutes),
    hiccups: () => measureHiccups(edge, adminToken),
    link: () => measureLinkChange(edge, adminToken),
    renewals: () => measureRenewals(edge, adminToken),
    muxed: () => measureMuxedAudio(edge, adminToken, seconds),
    "in-step": () => measurePageAvSync(edge, adminToken),
    conformance: () => measureConformance(edge, adminToken),
    moderation: measureModeration,
    directory: () => measureDirectory(edge, adminToken),
    "long-windows": measureLongWindows,
  };
  const figures: BenchFigure[] = [];
  try {
    for (const name of wanted) {
      console.error(`measuring: ${name} …`);
      figures.push(...((await benches[name]?.()) ?? []));
    }
  } finally {
    await edge.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
  return figures;
}

function printTable(figures: readonly BenchFigure[]): void {
  console.log("| figure | goal | measured | |\n|---|---|---|---|");
  for (const { figure, goal, measured, met } of figures) {
    console.log(`| ${figure} | ${goal} | ${measured} | ${met ? "met" : "not met"} |`);
  }
}

await runMain(command);
