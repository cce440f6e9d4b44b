/** `npm start -- --host`: what other machines of the network get from the edge. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OriginProcess } from "../../support/origin-process.ts";
import { freePort } from "../../support/ports.ts";

const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
/** This machine's address in its network; in none, one that is not the address of a default run. */
const ADDRESS = interfaces.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.2";

let dataDir: string;
let port: number;
let origin: OriginProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-network-"));
  port = await freePort();
  const where = ["--host", "--port", String(port), "--data", dataDir];
  origin = new OriginProcess([...where, "--stream", "show", "--ladder", "180p:200k"]);
  await origin.waitForOutput(/Studio: .*\n/);
});

afterAll(async () => {
  if (origin?.process.exitCode === null) await origin.interrupt();
  await rm(dataDir, { recursive: true, force: true });
});

interface Ask {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** The value of `Host`; by default the address of the network. */
  readonly host?: string;
  readonly token?: string;
  readonly body?: string;
}

/** A request from the network: its status and text. */
async function ask(path: string, { method = "GET", host, token, body }: Ask = {}): Promise<[number, string]> {
  const headers = {
    ...(host === undefined ? {} : { host }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const answer = await request(`http://${ADDRESS}:${port}${path}`, { method, headers, body: body ?? null });
  return [answer.statusCode, await answer.body.text()];
}

test("viewers of the network watch the stream", async () => {
  expect((await ask("/watch/show"))[0]).toBe(200);
  const [status, playlist] = await ask("/live/show/multivariant.m3u8");
  expect(status).toBe(200);
  expect(playlist).toContain("#EXT-X-STREAM-INF");
});

test("nobody gets a token, whichever host name the request claims", async () => {
  const body = JSON.stringify({ room: "show", seconds: 60, sub: "host", name: "Host", roles: ["host"] });
  for (const host of [`${ADDRESS}:${port}`, `127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
    expect((await ask("/dev/token", { method: "POST", host, body }))[0], host).toBe(404);
});

test("the control API and the metrics take neither a missing nor an invented token", async () => {
  const routes: readonly (readonly [NonNullable<Ask["method"]>, string, string?])[] = [
    ["GET", "/api/streams/show/keys"],
    ["POST", "/api/streams/show/keys", "{}"],
    ["DELETE", "/api/streams/show/keys"],
    ["POST", "/api/streams/show/stop", '{"category":"other","reason":"x","by":"x"}'],
    ["PUT", "/api/streams/show/access", '{"playback":"token"}'],
    ["PUT", "/api/streams/show/details", '{"title":"x"}'],
    ["GET", "/metrics"],
  ];
  for (const [method, path, body] of routes) {
    for (const token of [undefined, "invented-invented-invented-invented"]) {
      const from = { method, host: `127.0.0.1:${port}`, ...(body === undefined ? {} : { body }) };
      const [status] = await ask(path, { ...from, ...(token === undefined ? {} : { token }) });
      expect([401, 403], `${method} ${path}`).toContain(status);
    }
  }
});

test("the watch link is the network's and grants nothing, and only the studio's signs in as the host", async () => {
  const { output } = origin;
  const watch = /Watch: +(\S+)/.exec(output)?.[1] ?? "";
  expect(watch).toMatch(new RegExp(`^http://[\\d.]+:${port}/watch/show$`));
  expect(watch).not.toContain("//127.0.0.1");
  const token = /Studio: +http:\/\/127\.0\.0\.1:\d+\/studio\/show#token=(\S+)/.exec(output)?.[1] ?? "";
  expect(output.split("#token=")).toHaveLength(2);
  expect((await ask("/api/streams/show/keys", { token }))[0]).toBe(200);
  // It is of this stream alone.
  expect((await ask("/api/streams/other/keys", { token }))[0]).toBe(403);
  const secrets = JSON.parse(await readFile(join(dataDir, "secrets.json"), "utf8")) as Record<string, string>;
  for (const secret of Object.values(secrets)) expect(output).not.toContain(secret);
});
