import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { httpTestEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";
import { readJson, TestPublisher, testPartBytes } from "../support/publisher.ts";

let edge: LocalEdge;
let dataDir: string;
const door = httpTestEdge(() => edge.url, ADMIN_TOKEN);
const { ask } = door;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-edge-"));
  edge = await startEdge({ port: await freePort(), dataDir, adminToken: door.adminToken });
});

afterAll(async () => {
  await edge.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function live(parts: number): Promise<TestPublisher> {
  const publisher = new TestPublisher(door);
  await publisher.openWithInits();
  await publisher.putParts(0, parts);
  return publisher;
}

const text = async (path: string, init?: RequestInit): Promise<string> => (await ask(path, init)).text();
const bytes = async (path: string): Promise<Uint8Array> => new Uint8Array(await (await ask(path)).arrayBuffer());

test("a blocking reload waits for its part and is then answered, for any number of requests", async () => {
  const publisher = await live(3);
  const path = `${publisher.path("video", "media.m3u8")}?_HLS_msn=0&_HLS_part=3`;
  const parked = Array.from({ length: 20 }, () => ask(path));
  await publisher.putParts(3, 4);
  for (const answer of await Promise.all(parked)) {
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=12");
    expect(answer.headers.get("cache-status")).toContain("corral-isolate; hit");
    expect(answer.headers.get("cmsd-static")).toMatch(/^ot=m,sf=h,st=l(,ht=\d+)?$/);
    expect(await answer.text()).toContain('URI="0.3.m4s"');
  }
});

test("a hinted part is awaited and delivered whole; a part that is then skipped is 404", async () => {
  const publisher = await live(5);
  const hinted = ask(publisher.path("video", "0.5.m4s"));
  const never = ask(publisher.path("video", "0.6.m4s"));
  await publisher.putParts(5, 6);
  expect(new Uint8Array(await (await hinted).arrayBuffer())).toEqual(new Uint8Array(testPartBytes(5)));
  expect((await never).status).toBe(404);
  expect((await ask(publisher.path("video", "1.4.m4s"))).status).toBe(404);
});

test("a held answer states its wait (CTA-5006), and no other does", async () => {
  const publisher = await live(1);
  // A part may arrive before its request, whose response is then not held: the next one is requested.
  const asked = async (part: number): Promise<string> => {
    const held = ask(publisher.path("video", `${Math.floor(part / 6)}.${part % 6}.m4s`));
    await publisher.putParts(part, part + 1);
    const cmsd = (await held).headers.get("cmsd-static") ?? "";
    return cmsd.includes("ht=") || part === 40 ? cmsd : asked(part + 1);
  };
  expect(await asked(1)).toMatch(/^ot=v,.*,ht=\d+$/);
  expect((await ask(publisher.path("video", "0.0.m4s"))).headers.get("cmsd-static")).not.toContain("ht=");
});

test("invalid directives are answered at once with 400 and not cached", async () => {
  const publisher = await live(8);
  const path = publisher.path("video", "media.m3u8");
  const queries = [
    "_HLS_part=1",
    "_HLS_msn=9",
    "_HLS_msn=1&_HLS_part=90",
    "_HLS_msn=-1",
    "_HLS_msn=1.5",
    "_HLS_msn=x",
    "_HLS_msn=1&_HLS_msn=2",
    "_HLS_msn=99999999999999999999",
    "_HLS_msn=1&_HLS_part=-2",
  ];
  for (const query of queries) {
    const answer = await ask(`${path}?${query}`);
    expect(answer.status, query).toBe(400);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  }
});

test("unknown streams, tracks and files are 404 with a short cache lifetime", async () => {
  const publisher = await live(2);
  expect((await ask("/live/never/multivariant.m3u8")).headers.get("cache-control")).toBe("public, max-age=1");
  for (const path of [
    publisher.path("nope", "media.m3u8"),
    publisher.path("video", "7.m4s"),
    publisher.path("video", "init-9.mp4"),
    publisher.path("video", "vod.m3u8"),
  ]) {
    const answer = await ask(path);
    expect(answer.status, path).toBe(404);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=2");
  }
  for (const path of [publisher.path("video", "x.txt"), publisher.path("video", "00.m4s")]) {
    expect((await ask(path)).status).toBe(404);
  }
});

test("playlists are compressed on request, and segments answer ranges", async () => {
  const publisher = await live(6);
  const path = publisher.path("video", "media.m3u8");
  const zipped = await ask(path, { headers: { "accept-encoding": "gzip" } });
  expect(zipped.headers.get("content-encoding")).toBe("gzip");
  const range = await ask(publisher.path("video", "0.m4s"), { headers: { range: "bytes=10-29" } });
  expect(range.status).toBe(206);
  expect(range.headers.get("content-range")).toBe("bytes 10-29/120");
  const got = new Uint8Array(await range.arrayBuffer());
  expect([...got]).toEqual([...testPartBytes(0).slice(10), ...testPartBytes(1).slice(0, 10)]);
  const beyond = await ask(publisher.path("video", "0.m4s"), { headers: { range: "bytes=500-" } });
  expect([beyond.status, beyond.headers.get("cache-control")]).toEqual([416, "no-store"]);
});

test("HEAD has the length and headers of GET for every kind of answer", async () => {
  const publisher = await live(14);
  const over = await live(6);
  await over.end();
  const { stream } = publisher;
  const paths = [
    `/live/${stream}/multivariant.m3u8`,
    ...["media.m3u8", "iframes.m3u8", "init-1.mp4", "0.m4s", "2.1.m4s", "9.m4s"].map((file) =>
      publisher.path("video", file),
    ),
    ...["media.m3u8", "vod.m3u8", "vod-iframes.m3u8", "0.m4s"].map((file) => over.path("video", file)),
    `${publisher.path("video", "media.m3u8")}?_HLS_part=1`,
    `/api/streams/${stream}/access`,
    "/api/streams/never",
    `/rooms/${stream}/replay?from=1700000000000`,
    `/rooms/${stream}/replay?from=1`,
    "/",
    "/favicon.svg",
    `/watch/${stream}`,
    "/nope",
    "/live/nope",
    "/dev/nope",
  ];
  // Values that differ between requests.
  const own = ["date", "age", "last-modified", "cache-status", "cmsd-static", "keep-alive", "connection"];
  for (const path of paths) {
    for (const coding of ["gzip", "identity"]) {
      const headers = { "accept-encoding": coding, authorization: `Bearer ${door.adminToken}` };
      const got = await ask(path, { headers });
      await got.arrayBuffer();
      const told = await ask(path, { headers, method: "HEAD" });
      const of = (answer: Response): unknown => [
        answer.status,
        Object.fromEntries([...answer.headers].filter(([name]) => !own.includes(name))),
      ];
      expect(of(told), path).toEqual(of(got));
      expect(Number(told.headers.get("content-length")), path).toBeGreaterThan(0);
    }
  }
});

test("after an eviction the publisher resends what is not stored, and no viewer sees a part withdrawn", async () => {
  const publisher = await live(20);
  const path = publisher.path("video", "media.m3u8");
  const before = await text(path);
  expect(before).toContain("3.1.m4s");
  const parked = ask(`${path}?_HLS_msn=3&_HLS_part=2`);
  await publisher.waitUntilStored(2);
  await publisher.restartNode();
  expect(await text(path)).toContain("3.1.m4s");
  const answer = await publisher.putPart("video", 20);
  expect(answer.status).toBe(409);
  expect((await readJson(answer))["tracks"]).toMatchObject({ video: { durableMsn: 2, next: { msn: 3, part: 0 } } });
  await publisher.putParts(18, 21);
  expect((await parked).status).toBe(200);
  expect(await (await parked).text()).toContain("3.2.m4s");
  for (const msn of [0, 1, 2]) {
    const whole = await bytes(publisher.path("video", `${msn}.m4s`));
    expect(whole.byteLength).toBe(120);
    expect(whole[0]).toBe(msn * 6);
  }
});

test("when the request that leads the feed is aborted, the other waiters are still woken", async () => {
  const publisher = await live(2);
  const path = `${publisher.path("video", "media.m3u8")}?_HLS_msn=0&_HLS_part=2`;
  const leader = new AbortController();
  const led = ask(path, { signal: leader.signal }).catch(() => null);
  const followers = Array.from({ length: 5 }, () => ask(path));
  leader.abort();
  await led;
  await publisher.putParts(2, 3);
  for (const answer of await Promise.all(followers)) expect(answer.status).toBe(200);
});

test("after the end playlists have ENDLIST, the recording is a VOD playlist, and both survive an eviction", async () => {
  const publisher = await live(60);
  await publisher.end();
  const check = async (): Promise<void> => {
    const media = await text(publisher.path("video", "media.m3u8"));
    expect(media).toContain("#EXT-X-ENDLIST");
    expect(media).not.toContain("PRELOAD-HINT");
    const vod = await text(publisher.path("video", "vod.m3u8"));
    expect(vod.match(/#EXTINF/g)?.length).toBe(10);
    expect(vod).toContain("#EXT-X-PLAYLIST-TYPE:VOD");
    expect(await text(`/live/${publisher.stream}/multivariant.m3u8`)).toContain("vod.m3u8");
    expect((await bytes(publisher.path("audio", "0.m4s"))).byteLength).toBe(120);
    expect((await bytes(publisher.path("audio", "init-1.mp4"))).byteLength).toBe(8);
  };
  await check();
  await publisher.restartNode();
  await check();
});

test("the stream's status has tracks and counters, and is 404 before the first broadcast", async () => {
  const publisher = await live(8);
  const state = await readJson(await ask(`/api/streams/${publisher.stream}`));
  expect(state).toMatchObject({ stream: publisher.stream, state: "live", broadcast: publisher.config.broadcast });
  expect(state["tracks"]).toMatchObject([{ name: "video", lastMsn: 1, lastPart: 1 }, { name: "audio" }]);
  expect((await ask("/api/streams/unheard-of")).status).toBe(404);
});

test("an unsupported method gets a problem document", async () => {
  const answer = await ask("/live/demo/multivariant.m3u8", { method: "POST" });
  expect(answer.status).toBe(405);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
});
