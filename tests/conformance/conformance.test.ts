import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";
import { runConformance } from "./checker.ts";
import type { RuleResult } from "./model.ts";
import { renderResults } from "./result-table.ts";
import { ALL_RULES } from "./rules/all.ts";

/** Two small renditions: two cores encode them easily besides everything else. */
const LADDER = "360p:700k,240p:300k";
/** The broadcast ends earlier: as soon as every probe is done. */
const MAX_SECONDS = 60;
/** Rules of the wall clock: a busy machine breaks them, so here only their evidence is required. */
const TIMED: ReadonlySet<number> = new Set([48, 52, 53, 54, 59, 69, 74]);

let dataDir: string;
let edge: LocalEdge;
let origin: OriginProcess;
let results: RuleResult[];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-conformance-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: ADMIN_TOKEN });
  const keys = await fetch(`${edge.url}/api/streams/rules/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  const { key } = (await keys.json()) as { key: string };
  origin = new OriginProcess([
    "--edge",
    edge.url,
    "--key",
    key,
    "--stream",
    "rules",
    "--dvr",
    "14",
    "--ladder",
    LADDER,
  ]);
  await origin.waitForOutput("/watch/rules");
  await slid(`${edge.url}/live/rules`);
  const answered = Promise.withResolvers<void>();
  const running = runConformance(`${edge.url}/live/rules/multivariant.m3u8`, {
    seconds: MAX_SECONDS,
    expectEnd: true,
    asked: answered.resolve,
  });
  await Promise.race([answered.promise, running]);
  expect(await origin.interrupt()).toBe(0);
  results = await running;
  console.log(renderResults(results));
});

afterAll(async () => {
  if (origin?.process.exitCode === null) await origin.interrupt();
  await edge?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Resolves once delta updates skip segments and segments leave the shortened window. */
async function slid(base: string): Promise<void> {
  for (;;) {
    const media = /^\S+media\.m3u8$/m.exec(await (await fetch(`${base}/multivariant.m3u8`)).text())?.[0];
    const playlist = await (await fetch(`${base}/${media}`)).text();
    if (!playlist.includes("#EXT-X-MEDIA-SEQUENCE:0\n")) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

describe("a broadcast of ours satisfies to its end", () => {
  for (const { rule, title } of ALL_RULES) {
    test(`rule ${rule}: ${title}`, () => {
      const result = results.find((each) => each.rule === rule);
      expect(result, "the rule has a verdict").toBeDefined();
      expect(result?.evidence.length).toBeGreaterThan(3);
      const passes = TIMED.has(rule) ? ["held", "broken", "not-applicable"] : ["held", "not-applicable"];
      expect(passes, `${result?.status}: ${result?.evidence}`).toContain(result?.status);
    });
  }
});
