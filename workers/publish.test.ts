import { expect, test } from "vitest";
import { PART_HEADER, PROBLEMS, PUBLISHER_HEADER } from "../protocol/publish/api.ts";
import { json, partBytes, partMeta, TestPublisher } from "../tests/support/publisher.ts";
import { door } from "./testing.ts";

const { ask } = door;

test("a publisher without a key is told to send one, with a wrong key that it doesn't fit", async () => {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  const missing = await ask(`/ingest/${publisher.stream}/${publisher.config.broadcast}`, { method: "PUT" });
  expect(missing.status).toBe(401);
  expect(missing.headers.get("www-authenticate")).toContain("Bearer");
  expect((await json(missing))["type"]).toBe(PROBLEMS.keyMissing);
  publisher.key = "corral_wrong";
  for (const answer of [
    await publisher.open(),
    await publisher.init("video"),
    await publisher.part("video", 0),
    await publisher.end(),
  ]) {
    expect(answer.status).toBe(403);
    expect((await json(answer))["type"]).toBe(PROBLEMS.keyWrong);
  }
});

test("the control API opens only with the admin token", async () => {
  const path = "/api/streams/closed/keys";
  expect((await ask(path, { method: "POST" })).status).toBe(401);
  expect((await ask(path, { method: "POST", headers: { authorization: "Bearer nope" } })).status).toBe(403);
});

test("parts sent twice are confirmed, parts out of order are told where to go on", async () => {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  await publisher.parts(0, 3);
  expect((await publisher.part("video", 1)).status).toBe(200);
  const early = await publisher.part("video", 5);
  expect(early.status).toBe(409);
  const problem = await json(early);
  expect(problem["type"]).toBe(PROBLEMS.outOfOrder);
  expect(problem["tracks"]).toMatchObject({ video: { next: { msn: 0, part: 3 } } });
  await publisher.parts(3, 6);
  expect((await ask(publisher.path("video", "0.m4s"))).status).toBe(200);
});

test("a part whose init section is missing, and a part of a broadcast that isn't open, are told what to send first", async () => {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  const start = { programTimeMs: 1_700_000_000_000, initVersion: 7, discontinuity: false };
  expect((await json(await publisher.part("video", 0, { start })))["type"]).toBe(PROBLEMS.initMissing);
  const other = new TestPublisher(door, { stream: publisher.stream, key: publisher.key });
  expect((await json(await other.part("video", 0)))["type"]).toBe(PROBLEMS.notOpen);
});

test("of two publishers on a stream one wins and the other is told, also with the winner's broadcast id", async () => {
  const first = new TestPublisher(door);
  await first.begin();
  await first.parts(0, 2);
  const second = new TestPublisher(door, { stream: first.stream, key: first.key });
  expect((await json(await second.open()))["type"]).toBe(PROBLEMS.alreadyLive);
  const thief = new TestPublisher(door, {
    stream: first.stream,
    key: first.key,
    config: { broadcast: first.config.broadcast },
  });
  expect((await json(await thief.part("video", 2)))["type"]).toBe(PROBLEMS.alreadyLive);
  await first.parts(2, 4);
});

test("nothing can be sent to a broadcast that has ended, ending it again is confirmed, and a new one may open", async () => {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  await publisher.parts(0, 6);
  expect((await publisher.end()).status).toBe(200);
  expect((await publisher.end()).status).toBe(200);
  expect((await publisher.part("video", 6)).status).toBe(410);
  expect((await publisher.open()).status).toBe(410);
  const next = new TestPublisher(door, { stream: publisher.stream, key: publisher.key });
  await next.begin();
  await next.parts(0, 2);
  expect((await ask(publisher.path("video", "media.m3u8"))).status).toBe(200);
  expect(await (await ask(`/live/${next.stream}/multivariant.m3u8`)).text()).toContain(next.config.broadcast);
});

test("misshapen requests get a problem document that says what to do, and nothing published is lost", async () => {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  await publisher.parts(0, 2);
  const { broadcast } = publisher.config;
  const part = { [PART_HEADER]: JSON.stringify(partMeta(2)) };
  const bad: [string, BodyInit | null, Record<string, string>][] = [
    [`${broadcast}/video/0.2.m4s`, partBytes(2), {}],
    [`${broadcast}/video/0.2.m4s`, partBytes(2), { [PART_HEADER]: "{" }],
    [`${broadcast}/video/0.2.m4s`, partBytes(2), { [PART_HEADER]: "[]" }],
    [`${broadcast}/video/0.2.m4s`, partBytes(2), { [PART_HEADER]: "x".repeat(5000) }],
    [`${broadcast}/video/0.2.m4s`, null, part],
    [`${broadcast}/video/0.3.m4s`, partBytes(2), part],
    [`${broadcast}/video/0.2.m4s`, partBytes(2), { [PART_HEADER]: JSON.stringify(partMeta(2, { durationTicks: -1 })) }],
    [
      `${broadcast}/video/0.2.m4s`,
      partBytes(2),
      { [PART_HEADER]: JSON.stringify(partMeta(2, { durationTicks: 1e9 })) },
    ],
    [`${broadcast}/video/..%2f..%2fx`, partBytes(2), part],
    [`${broadcast}/video/init-2.mp4`, null, {}],
    [`${broadcast}/nope/0.2.m4s`, partBytes(2), part],
    [`${broadcast}/video/0.2.m4s/extra`, partBytes(2), part],
    ["UPPER", "{}", {}],
    [broadcast, "{", {}],
    [broadcast, JSON.stringify({ ...publisher.config, tracks: [] }), {}],
    [broadcast, JSON.stringify({ ...publisher.config, targetDurationS: 0 }), {}],
    [broadcast, JSON.stringify({ ...publisher.config, broadcast: "anotherbroadcast" }), {}],
    [`${broadcast}/video/0.2.m4s`, partBytes(2), { ...part, [PUBLISHER_HEADER]: "!" }],
  ];
  for (const [path, body, headers] of bad) {
    const answer = await publisher.put(path, body, headers);
    expect([400, 404], path).toContain(answer.status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(String((await json(answer))["detail"]).length).toBeGreaterThan(10);
  }
  const big = await publisher.put(`${broadcast}/video/init-9.mp4`, new Uint8Array(300_000));
  expect(big.status).toBe(413);
  await publisher.parts(2, 6);
  expect(await (await ask(publisher.path("video", "media.m3u8"))).text()).toContain("0.5.m4s");
});

test("stream names with dots, slashes, Unicode or 10 kB are nothing here", async () => {
  for (const name of ["a.b", "..%2f..", "%F0%9F%90%84", "UPPER", "x".repeat(10_000), "%00", "-dash"]) {
    for (const path of [
      `/live/${name}/multivariant.m3u8`,
      `/api/streams/${name}`,
      `/live/${name}/abcdefgh/video/media.m3u8`,
    ]) {
      const answer = await ask(path);
      expect(answer.status, path.slice(0, 60)).toBe(404);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      await answer.text();
    }
    const put = await ask(`/ingest/${name}/abcdefgh`, { method: "PUT", headers: { authorization: "Bearer k" } });
    expect([400, 404]).toContain(put.status);
  }
});
