/** `npm run bench:room`: the room's figures, and the same load against socket.io and bare Durable Objects. */
import { writeFile } from "node:fs/promises";
import { defineCommand, runMain } from "citty";
import { ViewerFleet } from "../../loadtest/room/viewer-fleet.ts";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import type { BenchFigure } from "../stats.ts";
import { measureBanLatency } from "./ban-latency.ts";
import { type ComparisonRow, compareServers, comparisonTable } from "./compare-servers.ts";
import { measureCountAccuracy } from "./count-accuracy.ts";
import { measureCrashRecovery } from "./crash-recovery.ts";
import { measureIdleSockets } from "./idle-sockets.ts";
import { parseRoomBenchOptions, ROOM_BENCH_PARTS, type RoomBenchOptions, RoomBenchUsageError } from "./options.ts";
import { measureReconnectStorm } from "./reconnect-storm.ts";

/** Processes of the fleet: each holds fewer sockets than it may open files. */
const CROWD_PROCESSES = 2;

const ARGS = {
  only: { type: "string", description: `some of ${ROOM_BENCH_PARTS.join(",")}`, valueHint: "NAMES" },
  viewers: { type: "string", description: "viewers in the comparison, bans and counts", default: "2000" },
  rate: { type: "string", description: "messages per second of the comparison", default: "50" },
  sockets: { type: "string", description: "number of open sockets", default: "10000" },
  returning: { type: "string", description: "viewers that reconnect after a deployment", default: "5000" },
  losses: { type: "string", description: "object losses under load", default: "100" },
  seconds: { type: "string", description: "seconds of each measurement", default: "20" },
  json: { type: "string", description: "file for the figures as JSON", valueHint: "FILE" },
} as const;

const command = defineCommand({
  meta: { name: "npm run bench:room --", description: "Compares Corral's room with other servers on this machine." },
  args: ARGS,
  async run({ args }) {
    try {
      const complaint = describeOptionError(args, ARGS);
      if (complaint !== null) throw new RoomBenchUsageError(complaint);
      const bench = parseRoomBenchOptions(args);
      const { rows, figures } = await measure(bench, (line) => console.error(line));
      if (rows.length > 0) console.log(`${comparisonTable(rows)}\n`);
      console.log("| figure | goal | measured | |\n|---|---|---|---|");
      for (const { figure, goal, measured, met } of figures) {
        console.log(`| ${figure} | ${goal} | ${measured} | ${met ? "met" : "not met"} |`);
      }
      const json = `${JSON.stringify({ rows, figures }, null, 2)}\n`;
      if (args.json === undefined) console.log(`\n${json}`);
      else await writeFile(args.json, json);
    } catch (error) {
      if (!(error instanceof RoomBenchUsageError)) throw error;
      console.error(error.message);
      process.exitCode = 2;
    }
  },
});

async function measure(
  bench: RoomBenchOptions,
  say: (line: string) => void,
): Promise<{ rows: readonly ComparisonRow[]; figures: readonly BenchFigure[] }> {
  const { viewers, perSecond, seconds } = bench;
  let rows: readonly ComparisonRow[] = [];
  const figures: BenchFigure[] = [];
  for (const part of bench.only) {
    // A new fleet for each part, so that no sockets of the previous one are still closing.
    const crowd = new ViewerFleet(CROWD_PROCESSES);
    try {
      if (part === "compare") {
        const compared = await compareServers(crowd, { viewers, perSecond, seconds }, say);
        rows = compared.rows;
        figures.push(...compared.figures);
      } else if (part === "hold") figures.push(...(await measureIdleSockets(crowd, bench.sockets, seconds, say)));
      else if (part === "bans") figures.push(...(await measureBanLatency(crowd, viewers, perSecond, say)));
      else if (part === "counts") figures.push(...(await measureCountAccuracy(crowd, viewers, say)));
      else if (part === "storm") figures.push(...(await measureReconnectStorm(crowd, bench.returning, say)));
      else figures.push(...(await measureCrashRecovery(crowd, bench.losses, say)));
    } finally {
      crowd.stopProcesses();
    }
  }
  return { rows, figures };
}

await runMain(command);
