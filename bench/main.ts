/** `npm run bench`: every figure of the README, as a table and as JSON. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineCommand, runMain } from "citty";
import { startEdge } from "../scripts/edge.ts";
import { complaintAbout } from "../scripts/known-options.ts";
import { ADMIN_TOKEN } from "../tests/support/admin-token.ts";
import { freePort } from "../tests/support/ports.ts";
import { conformance } from "./conformance.ts";
import { herd } from "./herd.ts";
import { hits } from "./hits.ts";
import { inStep } from "./in-step.ts";
import { longWindows } from "./long-windows.ts";
import { moderation } from "./moderation.ts";
import { muxed } from "./muxed.ts";
import { origin } from "./origin.ts";
import { packager } from "./packager.ts";
import { parts } from "./parts.ts";
import type { Figure } from "./stats.ts";
import { watch } from "./watch.ts";

const PARTS = [
  "packager",
  "origin",
  "herd",
  "hits",
  "parts",
  "balanced",
  "ultra",
  "muxed",
  "in-step",
  "conformance",
  "moderation",
  "long-windows",
] as const;

const ARGS = {
  only: { type: "string", description: `some of ${PARTS.join(",")}`, valueHint: "NAMES" },
  seconds: { type: "string", description: "seconds of each delay reading", default: "60" },
  json: { type: "string", description: "file for the figures as JSON", valueHint: "FILE" },
} as const;

const command = defineCommand({
  meta: { name: "npm run bench --", description: "Measures Corral on this machine." },
  args: ARGS,
  async run({ args }) {
    const wanted = args.only === undefined ? [...PARTS] : args.only.split(",");
    const unknown = wanted.filter((name) => !(PARTS as readonly string[]).includes(name));
    const seconds = Number(args.seconds);
    const complaint = complaintAbout(args, ARGS);
    if (complaint !== null) {
      console.error(complaint);
      process.exitCode = 2;
      return;
    }
    if (unknown.length > 0 || !(seconds >= 5 && seconds <= 3600)) {
      console.error(unknown.length > 0 ? `There is no bench ${unknown[0]}.` : "--seconds is from 5 to 3600.");
      process.exitCode = 2;
      return;
    }
    const figures = await measure(wanted, seconds);
    printTable(figures);
    const json = `${JSON.stringify(figures, null, 2)}\n`;
    if (args.json === undefined) console.log(json);
    else await writeFile(args.json, json);
  },
});

async function measure(wanted: readonly string[], seconds: number): Promise<Figure[]> {
  const adminToken = ADMIN_TOKEN;
  const dataDir = await mkdtemp(join(tmpdir(), "corral-bench-edge-"));
  const edge = await startEdge({ port: await freePort(), dataDir, adminToken });
  const benches: Record<string, () => Promise<Figure[]>> = {
    packager,
    origin: () => origin(edge, adminToken),
    herd: async () => herd(edge, adminToken, 2 * seconds, { bare: await freePort() }),
    hits: async () =>
      hits(edge, adminToken, { bare: await freePort(), dressed: await freePort(), nginx: await freePort() }),
    parts: () => parts(edge, adminToken, seconds),
    balanced: () => watch(edge, adminToken, "balanced", seconds),
    ultra: () => watch(edge, adminToken, "ultra", seconds),
    muxed: () => muxed(edge, adminToken, seconds),
    "in-step": () => inStep(edge, adminToken),
    conformance: () => conformance(edge, adminToken),
    moderation,
    "long-windows": longWindows,
  };
  const figures: Figure[] = [];
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

function printTable(figures: readonly Figure[]): void {
  console.log("| figure | goal | measured | |\n|---|---|---|---|");
  for (const { figure, goal, measured, met } of figures) {
    console.log(`| ${figure} | ${goal} | ${measured} | ${met ? "met" : "not met"} |`);
  }
}

await runMain(command);
