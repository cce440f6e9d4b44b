/** DNS rebinding: a page on the internet with its name resolved to 127.0.0.1 requests the host's token of a local edge. */
import { env, exports } from "cloudflare:workers";
import { expect, test } from "vitest";

const front = (exports as unknown as { default: Fetcher }).default;
const body = JSON.stringify({ room: "demo", sub: "eve", roles: ["host"] });
/** The additional host name of the edge in these tests. */
const { CORRAL_DEV_TOKENS: own } = env as unknown as { CORRAL_DEV_TOKENS: string };

async function ask(
  headers: Record<string, string>,
  method = "POST",
  url = `http://${own}/dev/token`,
): Promise<Response> {
  return front.fetch(url, { method, headers, ...(method === "POST" ? { body } : {}) });
}

test("local programs and the edge's own pages get a token", async () => {
  for (const host of ["127.0.0.1:8787", "localhost:8787", "LOCALHOST", "[::1]:8787", own]) {
    for (const more of [{}, { origin: `http://${host.toLowerCase()}` }]) {
      const answer = await ask({ host, ...more });
      expect([answer.status, Object.keys((await answer.json()) as object)], host).toEqual([200, ["token"]]);
    }
  }
});

const FOREIGN: Record<string, string>[] = [
  ...[
    "evil.example:8787",
    "127.0.0.1.evil.example:8787",
    "127.0.0.1.nip.io:8787",
    "localhost.evil",
    "localhost.",
    "127.0.0.1.:8787",
    "[::1].evil.example",
    "[::ffff:7f00:1]:8787",
    "0.0.0.0:8787",
    "127.0.0.1:8787, evil.example",
    "127.0.0.1@evil.example",
    "192.168.1.5:8787",
  ].flatMap((host) => [{ host }, { host, origin: `http://${host}` }]),
  ...["null", "http://evil.example", "http://localhost:3000", "https://localhost:8787", "http://127.0.0.1:8787"].map(
    (origin) => ({ host: "localhost:8787", origin }),
  ),
  ...["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"].map((name) => ({
    host: "localhost:8787",
    [name]: "203.0.113.9",
  })),
];

test.each(FOREIGN)("%j gets no token, and its scripts cannot read the reason", async (headers) => {
  for (const method of ["POST", "OPTIONS", "GET"]) {
    const answer = await ask(headers, method);
    expect(answer.status, method).toBe(403);
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(await answer.text()).toContain("/problems/not-local");
  }
});

test("a request without a Host is judged by its address", async () => {
  for (const [url, status] of [
    ["http://evil.example/dev/token", 403],
    ["http://localhost/dev/token", 200],
    ["http://127.0.0.1:8787/dev/token", 200],
    ["http://localhost.evil.example/dev%2ftoken", 404],
    ["http://localhost.evil.example/dev/%74oken", 403],
    ["http://localhost.evil.example/dev/token?x=127.0.0.1", 403],
  ] as const) {
    expect((await ask({}, "POST", url)).status, url).toBe(status);
  }
});
