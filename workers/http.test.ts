/** HTTP semantics of every address; tests/support/route-table.ts lists them. */
import { expect, test, vi } from "vitest";
import { TestPublisher } from "../tests/support/publisher.ts";
import { allowHeaderOf, LIVE_ADDRESSES, pathAt, ROUTES, type RouteAddress } from "../tests/support/route-table.ts";
import { app, serveRequest } from "./app.ts";
import { testBindings, testEdge } from "./testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };

/** An address as requested. */
interface Asked {
  readonly path: string;
  /** The value of `Allow`. */
  readonly takes: string;
  /** What a response to `GET` requires. */
  readonly headers?: Record<string, string>;
}

interface Streams {
  readonly live: TestPublisher;
  readonly over: TestPublisher;
}

let made: Promise<Streams> | null = null;

function streams(): Promise<Streams> {
  made ??= (async () => {
    const [live, over] = [new TestPublisher(testEdge), new TestPublisher(testEdge)];
    for (const publisher of [live, over]) {
      await publisher.openWithInits();
      await publisher.putParts(0, 14);
    }
    await over.end();
    return { live, over };
  })();
  return made;
}

/** Every address: of the API and the pages, of a live stream and an ended one; and some missing files. */
async function addresses(): Promise<Asked[]> {
  const { live, over } = await streams();
  const at = ({ stream, config: { broadcast }, id }: TestPublisher) => ({ stream, broadcast, publisher: id });
  const rows = Object.values(ROUTES)
    .flat()
    .filter(({ isUnknown }) => isUnknown !== true)
    .map((row) => ({ path: pathAt(row, at(live)), takes: allowHeaderOf(row), ...authorizationFor(row) }));
  const media = [live, over].flatMap((publisher) => [
    ...LIVE_ADDRESSES.map((row) => pathAt(row, at(publisher))),
    ...["9.m4s", "7.0.m4s", "init-9.mp4"].map((file) => publisher.path("video", file)),
    publisher.path("nope", "media.m3u8"),
    `${publisher.path("video", "media.m3u8")}?_HLS_part=1`,
  ]);
  return [...rows, ...media.map((path) => ({ path, takes: "GET, HEAD, OPTIONS" }))];
}

/** The admin token, if `GET` is for the operator only. */
function authorizationFor({ methods }: RouteAddress): { headers?: Record<string, string> } {
  return methods.GET?.policy.public.nobody.startsWith("401") === true ? { headers: admin } : {};
}

const NOWHERE = ["/nope", "/assets/nope.js", "/api/nope", "/live/nope", "/rooms/nope", "/live/never/multivariant.m3u8"];

const ask = async (path: string, init: RequestInit = {}): Promise<{ answer: Response; bytes: number }> => {
  const answer = await testEdge.ask(path, { redirect: "manual", ...init });
  return { answer, bytes: (await answer.arrayBuffer()).byteLength };
};

test("an unsupported method is answered 405, with the supported ones in Allow", async () => {
  for (const { path, takes } of await addresses()) {
    for (const method of ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]) {
      // Requested without effect here: their effects are tested elsewhere.
      if (takes.includes(method) && method !== "OPTIONS") continue;
      const { answer } = await ask(path, { method });
      expect([answer.status, answer.headers.get("allow")], `${method} ${path}`).toEqual([
        method === "OPTIONS" ? 204 : 405,
        takes,
      ]);
    }
  }
  for (const path of NOWHERE) {
    if (path.endsWith(".m3u8")) continue;
    expect((await ask(path, { method: "POST" })).answer.status, path).toBe(404);
  }
});

test("HEAD has the headers of GET", async () => {
  const all = [...(await addresses()), ...NOWHERE.map((path): Asked => ({ path, takes: "GET" }))];
  for (const { path, takes, headers = {} } of all) {
    if (!takes.includes("GET")) continue;
    for (const more of [{}, { "accept-encoding": "gzip" }]) {
      const init = { headers: { ...headers, ...more } };
      const got = await ask(path, init);
      const told = await ask(path, { ...init, method: "HEAD" });
      const of = ({ answer }: typeof got): unknown => {
        const held = Object.fromEntries(answer.headers);
        // Values that differ between requests.
        for (const name of ["date", "age", "last-modified", "cmsd-static", "cache-status", "cf-cache-status"])
          delete held[name];
        return [answer.status, held];
      };
      expect(of(told), path).toEqual(of(got));
    }
  }
});

test("no failed response is cached as long as media: by its own rule, or not at all", async () => {
  const { live } = await streams();
  const { targetDurationS } = live.config;
  const bad: [string, RequestInit][] = [
    [live.path("video", "0.m4s"), { headers: { range: "bytes=99999999-" } }],
    [live.path("video", "2.1.m4s"), { headers: { range: "bytes=20-" } }],
    [live.path("video", "init-1.mp4"), { headers: { range: "bytes=-0" } }],
  ];
  for (const { path, takes } of await addresses()) {
    for (const method of ["GET", "HEAD", "PUT", "POST", "PATCH"]) {
      const harmless = !takes.includes(method) || method === "GET" || method === "HEAD";
      if (harmless) bad.push([path, { method }]);
    }
  }
  for (const path of NOWHERE) bad.push([path, {}], [path, { method: "PUT" }]);
  let seen = 0;
  for (const [path, init] of bad) {
    const { answer } = await ask(path, init);
    if (answer.status < 400) continue;
    seen += 1;
    const lifetime = answer.headers.get("cache-control") ?? "";
    const maxAge = Number(/max-age=(\d+)/.exec(lifetime)?.[1] ?? (lifetime === "no-store" ? 0 : Number.NaN));
    expect(maxAge, `${init.method ?? "GET"} ${path}: ${answer.status} ${lifetime}`).toBeLessThanOrEqual(
      targetDurationS,
    );
    expect(lifetime).not.toContain("immutable");
  }
  expect(seen).toBeGreaterThan(50);
  const { answer } = await ask(...(bad[0] ?? ["", {}]));
  expect([answer.status, answer.headers.get("content-range")]).toEqual([416, "bytes */120"]);
});

test("preflights of players that send CMCD, tokens and ranges are granted at every address that accepts them", async () => {
  const wanted =
    "authorization,range,content-type,accept-encoding,cmcd-object,cmcd-request,cmcd-session,cmcd-status".split(",");
  for (const { path, takes } of await addresses()) {
    const headers = {
      origin: "https://player.example",
      "access-control-request-method": "GET",
      "access-control-request-headers": wanted.join(","),
    };
    const { answer } = await ask(path, { method: "OPTIONS", headers });
    if (!/^\/(live|api|rooms|ingest|whip|metrics|openapi)/.test(path)) {
      expect(answer.headers.get("access-control-allow-origin"), path).toBeNull();
      continue;
    }
    expect(answer.headers.get("access-control-allow-origin"), path).toBe("*");
    expect(answer.headers.get("access-control-allow-methods")).toBe(takes);
    const granted = (answer.headers.get("access-control-allow-headers") ?? "").toLowerCase().split(", ");
    for (const header of wanted) expect(granted, path).toContain(header);
  }
  const { answer } = await ask("/api/streams/nope", { headers: { origin: "https://player.example" } });
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([404, "*"]);
});

test("an address is the same in every escaped form, and an invalid escape is a clean 404", async () => {
  for (const { path, takes, headers = {} } of await addresses()) {
    if (!takes.includes("GET") || path.includes("/export")) continue;
    const escaped = path.replace(/[a-z0-9]/gi, (char, at: number) =>
      at < (path.indexOf("?") + 1 || path.length + 1) && at % 3 === 1 ? `%${char.charCodeAt(0).toString(16)}` : char,
    );
    const [plain, other] = [await ask(path, { headers }), await ask(escaped, { headers })];
    // Counts and rates change with each request.
    const told = ({ answer, bytes }: typeof plain): unknown =>
      /^\/(api|metrics)/.test(path) ? answer.status : [answer.status, bytes, answer.headers.get("etag")];
    expect(told(other), escaped).toEqual(told(plain));
  }
  const { live } = await streams();
  for (const bad of ["%", "%zz", "%2", "%ff", "%00", "%c0%ae", "d%2Femo", "%2e%2e%2f"]) {
    for (const path of [
      `/${bad}`,
      `/live/${bad}/multivariant.m3u8`,
      `/live/${live.stream}/${bad}/video/media.m3u8`,
      `/api/streams/${bad}`,
      `/api/subjects/${bad}/export`,
      `/rooms/${bad}/replay?from=1700000000000`,
      `/watch/${bad}`,
      `/assets/${bad}`,
    ]) {
      const { answer } = await ask(path, { headers: admin });
      expect([200, 400, 404], path).toContain(answer.status);
      if (answer.status === 200) expect(path).toMatch(/subjects/);
    }
  }
});

test("a status response is revalidated by its tag, else by its time, compressed or not", async () => {
  const { live, over } = await streams();
  const playlists = [live, over].flatMap((publisher) => [
    `/live/${publisher.stream}/multivariant.m3u8`,
    ...["media.m3u8", "iframes.m3u8", "vod.m3u8"].map((file) => publisher.path("video", file)),
  ]);
  for (const path of playlists) {
    for (const coding of ["gzip", "identity"]) {
      const headers = { "accept-encoding": coding };
      const { answer } = await ask(path, { headers });
      if (answer.status === 404) continue;
      const etag = answer.headers.get("etag") ?? "";
      expect(etag, path).toMatch(/^"[\w-]+"$/);
      expect(answer.headers.get("vary")).toBe("accept-encoding");
      const known = await ask(path, { headers: { ...headers, "if-none-match": etag } });
      expect([known.answer.status, known.bytes, known.answer.headers.get("etag")], path).toEqual([304, 0, etag]);
      for (const name of ["cache-control", "vary", "last-modified", "access-control-allow-origin"]) {
        expect(known.answer.headers.get(name), name).not.toBeNull();
      }
      const since = new Date(Date.now() + 60_000).toUTCString();
      const other = await ask(path, {
        headers: { ...headers, "if-none-match": '"other"', "if-modified-since": since },
      });
      expect(other.answer.status, path).toBe(200);
    }
  }
  // The ended state changed within a second that is over soon; from then on its time is sent, and recognized.
  const path = over.path("video", "vod.m3u8");
  for (let last = ""; ; await scheduler.wait(200)) {
    const told = (await ask(path)).answer.headers.get("last-modified") ?? "";
    if (told !== last && last === "") last = told;
    const { answer } = await ask(path, { headers: { "if-modified-since": told } });
    if (answer.status === 304) break;
  }
  const earlier = { "if-modified-since": "Thu, 01 Jan 2026 00:00:00 GMT" };
  expect((await ask(path, { headers: earlier })).answer.status).toBe(200);
});

test("a range applies to GET only, and not to another version of the object", async () => {
  const { live } = await streams();
  const path = live.path("video", "0.m4s");
  const range = { range: "bytes=0-9" };
  const got = async (init: RequestInit): Promise<unknown> => {
    const { answer } = await ask(path, init);
    return [answer.status, answer.headers.get("content-range")];
  };
  expect(await got({ headers: range })).toEqual([206, "bytes 0-9/120"]);
  expect(await got({ headers: range, method: "HEAD" })).toEqual([200, null]);
  expect(await got({ headers: { ...range, "if-range": '"abc"' } })).toEqual([200, null]);
});

test("an address of local runs does not exist elsewhere", async () => {
  const off = { ...testBindings, CORRAL_DEV_TOKENS: "" };
  for (const method of ["GET", "POST", "OPTIONS"]) {
    expect((await app.request("/dev/token", { method }, off)).status).toBe(404);
  }
});

test("a page of any origin may send a beacon with Authorization: the preflight grants it", async () => {
  const { live } = await streams();
  const { answer } = await ask(`/rooms/${live.stream}/beacon`, {
    method: "OPTIONS",
    headers: {
      origin: "https://player.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });
  expect([answer.status, answer.headers.get("access-control-allow-methods")]).toEqual([204, "POST, OPTIONS"]);
  expect(answer.headers.get("access-control-allow-headers")).toContain("Authorization");
});

test("the type of a problem is the address of a page about it", async () => {
  const problem = await testEdge.ask("/api/streams/demo/keys", { method: "POST" });
  const { type, title } = (await problem.json()) as { type: string; title: string };
  expect(type).toBe("/problems/admin-token-missing");
  const page = await testEdge.ask(type);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await page.text()).toContain(`<h1>${title}</h1>`);
  expect((await testEdge.ask("/problems/nope")).status).toBe(404);
});

test("a playlist reload parses its address once", async () => {
  const { live } = await streams();
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;
  const reload = new Request(`http://edge.test${live.path("video", "media.m3u8")}?_HLS_msn=1&_HLS_part=0`);
  const parsed: string[] = [];
  const counted = <Parser extends typeof URL | typeof URLSearchParams>(parser: Parser): Parser =>
    new Proxy(parser, {
      construct(target, [text, ...rest], newTarget) {
        parsed.push(String(text));
        return Reflect.construct(target, [text, ...rest], newTarget) as object;
      },
    });
  vi.stubGlobal("URL", counted(URL));
  vi.stubGlobal("URLSearchParams", counted(URLSearchParams));
  try {
    expect((await serveRequest(reload, testBindings, context)).status).toBe(200);
  } finally {
    vi.unstubAllGlobals();
  }
  expect(parsed).toEqual(["?_HLS_msn=1&_HLS_part=0"]);
});

test("an invalid variable fails every request with 503, and not only those that read it", async () => {
  const env = { ...testBindings, CORRAL_JOINS_PER_SECOND: "many" };
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;
  for (const path of ["/", "/live/demo/multivariant.m3u8", "/api/streams/demo", "/rooms/demo/socket", "/metrics"]) {
    const answer = await serveRequest(new Request(`http://edge.test${path}`), env, context);
    expect([path, answer.status]).toEqual([path, 503]);
    expect(await answer.text()).not.toContain("many");
  }
  expect(log).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("CORRAL_JOINS_PER_SECOND must be a number"));
  log.mockRestore();
});
