/** A disk that fills up under an edge: no acknowledged data is lost, and it continues when there is space. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../../support/admin-token.ts";
import { DurabilityBroadcast, DurabilityChat } from "../../support/durability.ts";
import { waitUntil } from "../../support/npm-start.ts";
import { freePort } from "../../support/ports.ts";
import { figure } from "../scale.ts";

const DISK_BYTES = 40_000_000;
/** Large enough that each segment uses a visible share of the disk. */
const PART_BYTES = 20_000;

let disk: string;
let edge: LocalEdge;

beforeAll(async () => {
  disk = mkdtempSync(join(tmpdir(), "corral-disk-"));
  // A separate disk, which needs root: without it the test fails.
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk]);
  edge = await startEdge({
    port: await freePort(),
    dataDir: join(disk, "edge"),
    adminToken: ADMIN_TOKEN,
  });
});

afterAll(async () => {
  await edge?.stop();
  execFileSync("umount", ["--lazy", disk]);
  rmSync(disk, { recursive: true, force: true });
});

const ballast = (): string => join(disk, "ballast");

/** Fills the disk to the last block. */
function fill(): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast(), Buffer.alloc(bavail * bsize));
}

test("a disk that was full for a while loses no acknowledged data, and the end is accepted once there is space", async () => {
  const broadcast = await DurabilityBroadcast.start(edge.url, "full", ADMIN_TOKEN, PART_BYTES);
  const talk = await DurabilityChat.start(edge.url, "full");
  try {
    await waitUntil("talk begins", () => talk.acknowledged.length >= 3 && broadcast.parts >= 12);
    fill();
    const { parts } = broadcast;
    await waitUntil("the broadcast goes on", () => broadcast.parts >= parts + 60);
    rmSync(ballast());
    await waitUntil("there is room again", () => broadcast.waiting <= 2);
    const said = talk.acknowledged.length;
    await waitUntil("the talk goes on", () => talk.acknowledged.length >= said + 3);
    await talk.end();
    const endsMs = performance.now();
    await broadcast.end();
    const endS = ((performance.now() - endsMs) / 1_000).toFixed(1);
    expect(broadcast.fatal).toBeNull();
    expect(await broadcast.findMissingSegments()).toEqual([]);
    expect(await talk.findMissingMessages()).toEqual([]);
    const counted = `0 of ${2 * broadcast.parts} and ${talk.acknowledged.length}`;
    figure("acknowledged parts and messages lost through a full disk", counted, 0);
    figure("seconds that the end took once there was room again", endS, 20);
  } finally {
    talk.close();
    await broadcast.close();
    rmSync(ballast(), { force: true });
  }
});
