/** Links printed by a local run for a token stream: the watch link grants nothing else. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fetchEdge } from "../../support/edge-requests.ts";
import { OriginProcess } from "../../support/origin-process.ts";
import { freePort } from "../../support/ports.ts";

let dataDir: string;
let origin: OriginProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-links-"));
  const where = ["--port", String(await freePort()), "--data", dataDir];
  origin = new OriginProcess([...where, "--stream", "show", "--playback", "followers", "--ladder", "180p:200k"]);
  await origin.waitForOutput(/Studio: .*\n/);
});

afterAll(async () => {
  if (origin?.process.exitCode === null) await origin.interrupt();
  await rm(dataDir, { recursive: true, force: true });
});

function claimsIn(token: string): { sub: string; roles?: string[] } {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    sub: string;
    roles?: string[];
  };
}

test("the printed watch and playlist links carry a viewer's token, and only the studio link the host's", async () => {
  const lines = origin.output.split("\n").filter((line) => /token=/.test(line));
  const tokens = lines.map((line) => /token=([\w-]+\.[\w-]+\.[\w-]+)/.exec(line)?.[1] ?? "");
  expect(lines.map((line) => /(Watch|Playlist|Studio):/.exec(line)?.[1])).toEqual(["Watch", "Playlist", "Studio"]);
  const [watch = "", playlist = "", host = ""] = tokens;
  expect(playlist).toBe(watch);
  expect(claimsIn(watch).roles).toBeUndefined();
  expect(claimsIn(host).roles).toEqual(["host"]);
  expect(lines[2]).toContain("/studio/show#token=");
  // It opens its stream.
  const address = /https?:\S+multivariant\.m3u8\?token=\S+/.exec(lines[1] ?? "")?.[0] ?? "";
  expect((await fetchEdge(address)).status).toBe(200);
  expect((await fetchEdge(address.replace(/\?.*/, ""))).status).toBe(401);
});
