/**
 * Kills of any process of `npm start`, at any moment: no acknowledged data is lost, no process remains, and
 * the next run on the same folder has all of it.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { BroadcastSummary, StreamStatus } from "../../../core/broadcast/stream-status.ts";
import { seededRandom } from "../../../loadtest/model/random.ts";
import { DurabilityBroadcast, DurabilityChat } from "../../support/durability.ts";
import { fetchEdge } from "../../support/edge-requests.ts";
import { type ChainRole, NpmStartChain, waitUntil } from "../../support/npm-start.ts";
import { freePort } from "../../support/ports.ts";
import { figure, whole } from "../scale.ts";

const KILLS = whole ? 100 : 3;
const LINKS: readonly ChainRole[] = ["workerd", "node", "npm", "ffmpeg", "run"];
const SEED = Number(process.env["CORRAL_SEED"] ?? 12);
/** All processes have exited this soon after a kill: a clean end takes a second or two. */
const GONE_MS = 15_000;

const data = mkdtempSync(join(tmpdir(), "corral-kills-"));
let chain: NpmStartChain | null = null;
afterAll(() => {
  chain?.killAll();
  rmSync(data, { recursive: true, force: true });
});

async function start(port: number): Promise<NpmStartChain> {
  chain = new NpmStartChain(["--port", `${port}`, "--data", data, "--ladder", "90p:100k"]);
  await chain.waitForOutput("On the air");
  return chain;
}

/** Parts that viewers of the run's own broadcast may have received. */
async function shown(url: string): Promise<StreamStatus> {
  return (await (await fetchEdge(`${url}/api/streams/demo`)).json()) as StreamStatus;
}

/** Those of the previously shown segments that the recording lacks. */
async function missingOf(url: string, { broadcast, tracks }: StreamStatus): Promise<string[]> {
  const missing: string[] = [];
  for (const { name, lastMsn } of tracks) {
    const listed = await (await fetchEdge(`${url}/live/demo/${broadcast}/${name}/vod.m3u8`)).text();
    for (let msn = 0; msn <= lastMsn; msn += 1) {
      if (!listed.includes(`\n${msn}.m4s\n`)) missing.push(`${name} ${msn}`);
    }
  }
  return missing;
}

async function answers(url: string): Promise<boolean> {
  // biome-ignore lint/style/noRestrictedGlobals: an edge that was just killed serves no document
  const answer = await fetch(url).catch(() => null);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

test(`no acknowledged data is lost through ${KILLS} kills, and no process remains`, {
  timeout: 120_000 + KILLS * 30_000,
}, async () => {
  const random = seededRandom(SEED);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let running = await start(port);
  let starts = 1;
  const secrets = JSON.parse(readFileSync(join(data, "secrets.json"), "utf8")) as { admin: string };
  expect(statSync(join(data, "secrets.json")).mode & 0o777).toBe(0o600);
  const second = new NpmStartChain(["--port", `${await freePort()}`, "--data", data, "--ladder", "90p:100k"]);
  await second.waitForOutput(`Another edge uses ${data}; stop it, or choose another folder with --data.`);
  expect(await second.exit).toBe(2);
  expect(second.leftoverPids()).toEqual([]);
  const broadcast = await DurabilityBroadcast.start(url, "kept", secrets.admin);
  const talk = await DurabilityChat.start(url, "kept");
  try {
    await waitUntil("the talk begins", () => talk.acknowledged.length > 0);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const link = LINKS[kill % LINKS.length] ?? "node";
      await new Promise((resolve) => setTimeout(resolve, 200 + random() * 1_500));
      const pids = running.pids(link);
      const pid = pids[Math.floor(random() * pids.length)] ?? expect.fail(`no ${link} runs\n${running.output}`);
      const before = await shown(url);
      process.kill(pid, "SIGKILL");
      if (link !== "workerd" && link !== "ffmpeg") {
        await waitUntil(
          `kill ${kill}, of ${link}: nothing is left`,
          () => running.leftoverPids().length === 0,
          GONE_MS,
        );
        running = await start(port);
        starts += 1;
        expect(await missingOf(url, before), `of the run that kill ${kill}, of ${link}, ended`).toEqual([]);
      }
      await waitUntil(`kill ${kill}, of ${link}: the edge is back`, () => answers(`${url}/api/streams/kept`));
      await waitUntil(`kill ${kill}, of ${link}: all is taken again`, () => broadcast.waiting <= 2);
      expect(await talk.findMissingMessages(), `after kill ${kill}, of ${link}`).toEqual([]);
    }
    await talk.end();
    await broadcast.end();
    expect(broadcast.fatal).toBeNull();
    expect(await broadcast.findMissingSegments()).toEqual([]);
    expect(await talk.findMissingMessages()).toEqual([]);
    // The runs' own broadcasts are listed, and each one that was followed by another has ended.
    const listed = (await (await fetchEdge(`${url}/api/streams/demo/broadcasts`)).json()) as {
      broadcasts: BroadcastSummary[];
    };
    expect(listed.broadcasts).toHaveLength(Math.min(100, starts));
    expect(listed.broadcasts.filter(({ endedAt }) => endedAt === null)).toHaveLength(1);
    const counted = `0 of ${2 * broadcast.parts} and ${talk.acknowledged.length}`;
    figure(`acknowledged parts and messages lost through ${KILLS} kills`, `${counted}, ${starts} starts`, 0);
  } finally {
    talk.close();
    await broadcast.close();
  }
  running.interrupt();
  await waitUntil("Ctrl-C leaves nothing", () => running.leftoverPids().length === 0, GONE_MS);
});
