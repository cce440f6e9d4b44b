/** Security headers of every response of every route: sniffing, embedding, TLS. */
import { exports } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { testEdge } from "../../../workers/testing.ts";
import { TestPublisher } from "../../support/publisher.ts";
import { ALL_ADDRESSES, LIVE_ADDRESSES, pathAt, requestInitFor, type TestStream } from "../../support/route-table.ts";

const front = (exports as unknown as { default: Fetcher }).default;
const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"] as const;
const ORIGIN = { origin: "https://player.example" };

let live: TestPublisher;
let at: TestStream;
beforeAll(async () => {
  live = new TestPublisher(testEdge);
  await live.openWithInits();
  await live.putParts(0, 14);
  at = { stream: live.stream, broadcast: live.config.broadcast, publisher: live.id };
});

interface Told {
  readonly about: string;
  readonly isLive: boolean;
  readonly status: number;
  readonly headers: Headers;
}

/** Every answer that strangers get by this scheme, and what the operator reads. */
async function answers(scheme: "http" | "https"): Promise<Told[]> {
  const told: Told[] = [];
  const ask = async (path: string, init: RequestInit): Promise<void> => {
    const answer = await front.fetch(`${scheme}://edge.test${path}`, { redirect: "manual", ...init });
    await answer.arrayBuffer();
    const { status, headers } = answer;
    told.push({ about: `${init.method} ${path}: ${status}`, isLive: path.startsWith("/live/"), status, headers });
  };
  for (const address of ALL_ADDRESSES) {
    const path = pathAt(address, at);
    for (const method of METHODS) await ask(path, { method, headers: ORIGIN });
    const { GET } = address.methods;
    const operator = { ...ORIGIN, authorization: `Bearer ${testEdge.adminToken}` };
    if (GET !== undefined) await ask(path, { ...requestInitFor(GET, at), method: "GET", headers: operator });
  }
  for (const file of ["9.m4s", "init-9.mp4", "media.m3u8?_HLS_part=1", "nope"]) {
    await ask(live.path("video", file), { method: "GET", headers: ORIGIN });
  }
  await ask(live.path("video", "0.m4s"), { method: "GET", headers: { ...ORIGIN, range: "bytes=0-9" } });
  await ask(live.path("video", "0.m4s"), { method: "GET", headers: { ...ORIGIN, range: "bytes=99999-" } });
  const { headers } = await testEdge.ask(live.path("video", "media.m3u8"));
  await ask(live.path("video", "media.m3u8"), {
    method: "GET",
    headers: { "if-none-match": headers.get("etag") ?? "" },
  });
  for (const path of ["/nope", "/assets/nope.js", "/live/nope", "/live/never/multivariant.m3u8", "/watch/NO"]) {
    await ask(path, { method: "GET", headers: ORIGIN });
  }
  const page = await (await testEdge.ask("/watch/demo")).text();
  const script = /src="(\/assets\/[^"]+)"/.exec(page)?.[1] ?? "";
  await ask(script, { method: "GET", headers: ORIGIN });
  return told;
}

test("no answer can be sniffed as another type, and only public answers may be embedded by other origins", async () => {
  const told = await answers("http");
  expect(new Set(told.map(({ status }) => status))).toEqual(
    new Set([200, 204, 206, 304, 400, 401, 403, 404, 405, 415, 416]),
  );
  for (const { about, headers } of told) {
    expect(headers.get("x-content-type-options"), about).toBe("nosniff");
    const readable = headers.get("access-control-allow-origin") === "*";
    expect(headers.get("cross-origin-resource-policy"), about).toBe(readable ? "cross-origin" : "same-origin");
    // RFC 6797 §8.1: browsers ignore it over plain HTTP, and §7.2 forbids it there.
    expect(headers.get("strict-transport-security"), about).toBeNull();
  }
});

test("over TLS every answer except media has Strict-Transport-Security", async () => {
  for (const { about, isLive, headers } of await answers("https")) {
    expect(headers.get("strict-transport-security"), about).toBe(isLive ? null : "max-age=31536000");
  }
});

test("a page may use its required features, and is opened, framed and referred from by its own origin only, but for the player", async () => {
  let pages = 0;
  for (const { about, headers } of await answers("http")) {
    if (headers.get("content-type")?.startsWith("text/html") !== true) continue;
    pages += 1;
    // Of scripts in a page only the watch page's own is permitted, by its hash.
    const isPlayer = /\/(watch|embed)\//.test(about);
    const scripts = isPlayer ? "'self'( 'sha256-[A-Za-z0-9+/]{43}=')?" : "'self'";
    // Of the pages only the player of a public stream may be framed by others; its 404 may not.
    const ancestors = /\/embed\/[a-z0-9-]+: 200/.test(about) ? "\\*" : "'self'";
    expect(headers.get("content-security-policy"), about).toMatch(
      new RegExp(`^default-src 'none'; script-src ${scripts};[^,]*; frame-ancestors ${ancestors}$`),
    );
    expect(headers.get("cross-origin-opener-policy"), about).toBe("same-origin");
    expect(headers.get("referrer-policy"), about).toBe("same-origin");
    const permissions = headers.get("permissions-policy");
    // Only the page that people go live from may use their camera.
    const capture = about.includes("/golive/") ? "(self)" : "()";
    const captured = ["camera", "microphone", "display-capture"].map((feature) => `${feature}=${capture}`);
    for (const wanted of [...captured, "geolocation=()", "fullscreen=(self)", "screen-wake-lock=(self)"]) {
      expect(permissions?.split(", "), about).toContain(wanted);
    }
  }
  expect(pages).toBeGreaterThan(5);
});

test("media have only the headers that players and caches use, nosniff and CORP: each costs time per hit", async () => {
  for (const address of LIVE_ADDRESSES) {
    const { status, headers } = await testEdge.ask(pathAt(address, at));
    if (status !== 200 || headers.get("content-type") !== "video/mp4") continue;
    expect([...headers.keys()].sort()).toEqual([
      "accept-ranges",
      "access-control-allow-origin",
      "access-control-expose-headers",
      "age",
      "cache-control",
      "cache-status",
      "cmsd-static",
      "content-type",
      "cross-origin-resource-policy",
      "x-content-type-options",
    ]);
  }
});
