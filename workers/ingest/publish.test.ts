import { expect, test } from "vitest";
import { PART_HEADER, PUBLISH_PROBLEM_TYPES, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { readJson, TestPublisher, testPartBytes, testPartMeta } from "../../tests/support/publisher.ts";
import { testEdge } from "../testing.ts";

const { ask } = testEdge;

test("a publisher without a key gets key-missing, and one with a wrong key key-wrong", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const missing = await ask(`/ingest/${publisher.stream}/${publisher.config.broadcast}`, { method: "PUT" });
  expect(missing.status).toBe(401);
  expect(missing.headers.get("www-authenticate")).toContain("Bearer");
  expect((await readJson(missing))["type"]).toBe(PUBLISH_PROBLEM_TYPES.keyMissing);
  publisher.key = "corral_wrong";
  for (const answer of [
    await publisher.open(),
    await publisher.putInit("video"),
    await publisher.putPart("video", 0),
    await publisher.end(),
  ]) {
    expect(answer.status).toBe(403);
    expect((await readJson(answer))["type"]).toBe(PUBLISH_PROBLEM_TYPES.keyWrong);
  }
});

test("a viewer that asked before the broadcast opened finds it with the next request", async () => {
  const publisher = new TestPublisher(testEdge);
  const [playlist, status] = [`/live/${publisher.stream}/multivariant.m3u8`, `/api/streams/${publisher.stream}`];
  // The name is registered, as by a key that was issued for the stream.
  await publisher.issueKey();
  expect([(await ask(playlist)).status, (await ask(status)).status]).toEqual([404, 404]);
  await publisher.openWithInits();
  await publisher.putParts(0, 1);
  expect([(await ask(playlist)).status, (await ask(status)).status]).toEqual([200, 200]);
});

test("the control API requires the admin token", async () => {
  const path = "/api/streams/closed/keys";
  expect((await ask(path, { method: "POST" })).status).toBe(401);
  expect((await ask(path, { method: "POST", headers: { authorization: "Bearer nope" } })).status).toBe(403);
});

test("parts sent twice are confirmed, and parts out of order get the next expected position", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  expect((await publisher.putPart("video", 1)).status).toBe(200);
  const early = await publisher.putPart("video", 5);
  expect(early.status).toBe(409);
  const problem = await readJson(early);
  expect(problem["type"]).toBe(PUBLISH_PROBLEM_TYPES.outOfOrder);
  expect(problem["tracks"]).toMatchObject({ video: { next: { msn: 0, part: 3 } } });
  await publisher.putParts(3, 6);
  expect((await ask(publisher.path("video", "0.m4s"))).status).toBe(200);
});

test("a part without its init section, and a part of a broadcast that is not open, get the missing step", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const start = { programTimeMs: 1_700_000_000_000, initVersion: 7, discontinuity: false };
  expect((await readJson(await publisher.putPart("video", 0, { start })))["type"]).toBe(
    PUBLISH_PROBLEM_TYPES.initMissing,
  );
  const other = new TestPublisher(testEdge, { stream: publisher.stream, key: publisher.key });
  expect((await readJson(await other.putPart("video", 0)))["type"]).toBe(PUBLISH_PROBLEM_TYPES.notOpen);
});

test("of two publishers on a stream one wins and the other is refused, also with the winner's broadcast id", async () => {
  const first = new TestPublisher(testEdge);
  await first.openWithInits();
  await first.putParts(0, 2);
  const second = new TestPublisher(testEdge, { stream: first.stream, key: first.key });
  expect((await readJson(await second.open()))["type"]).toBe(PUBLISH_PROBLEM_TYPES.alreadyLive);
  const thief = new TestPublisher(testEdge, {
    stream: first.stream,
    key: first.key,
    config: { broadcast: first.config.broadcast },
  });
  expect((await readJson(await thief.putPart("video", 2)))["type"]).toBe(PUBLISH_PROBLEM_TYPES.alreadyLive);
  await first.putParts(2, 4);
});

test("an ended broadcast accepts nothing, its repeated end is confirmed, and a new one may open", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  expect((await publisher.end()).status).toBe(200);
  expect((await publisher.end()).status).toBe(200);
  expect((await publisher.putPart("video", 6)).status).toBe(410);
  expect((await publisher.open()).status).toBe(410);
  const next = new TestPublisher(testEdge, { stream: publisher.stream, key: publisher.key });
  await next.openWithInits();
  await next.putParts(0, 2);
  expect((await ask(publisher.path("video", "media.m3u8"))).status).toBe(200);
  expect(await (await ask(`/live/${next.stream}/multivariant.m3u8`)).text()).toContain(next.config.broadcast);
});

test("malformed requests get a problem document with an instruction, and no published media is lost", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  const { broadcast } = publisher.config;
  const part = { [PART_HEADER]: JSON.stringify(testPartMeta(2)) };
  const bad: [string, BodyInit | null, Record<string, string>][] = [
    [`${broadcast}/video/0.2.m4s`, testPartBytes(2), {}],
    [`${broadcast}/video/0.2.m4s`, testPartBytes(2), { [PART_HEADER]: "{" }],
    [`${broadcast}/video/0.2.m4s`, testPartBytes(2), { [PART_HEADER]: "[]" }],
    [`${broadcast}/video/0.2.m4s`, testPartBytes(2), { [PART_HEADER]: "x".repeat(5000) }],
    [`${broadcast}/video/0.2.m4s`, null, part],
    [`${broadcast}/video/0.3.m4s`, testPartBytes(2), part],
    [
      `${broadcast}/video/0.2.m4s`,
      testPartBytes(2),
      { [PART_HEADER]: JSON.stringify(testPartMeta(2, { durationTicks: -1 })) },
    ],
    [
      `${broadcast}/video/0.2.m4s`,
      testPartBytes(2),
      { [PART_HEADER]: JSON.stringify(testPartMeta(2, { durationTicks: 1e9 })) },
    ],
    [`${broadcast}/video/..%2f..%2fx`, testPartBytes(2), part],
    [`${broadcast}/video/init-2.mp4`, null, {}],
    [`${broadcast}/nope/0.2.m4s`, testPartBytes(2), part],
    [`${broadcast}/video/0.2.m4s/extra`, testPartBytes(2), part],
    ["UPPER", "{}", {}],
    [broadcast, "{", {}],
    [broadcast, JSON.stringify({ ...publisher.config, tracks: [] }), {}],
    [broadcast, JSON.stringify({ ...publisher.config, targetDurationS: 0 }), {}],
    [broadcast, JSON.stringify({ ...publisher.config, broadcast: "anotherbroadcast" }), {}],
    [`${broadcast}/video/0.2.m4s`, testPartBytes(2), { ...part, [PUBLISHER_HEADER]: "!" }],
  ];
  for (const [path, body, headers] of bad) {
    const answer = await publisher.put(path, body, headers);
    expect([400, 404], path).toContain(answer.status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(String((await readJson(answer))["detail"]).length).toBeGreaterThan(10);
  }
  const big = await publisher.put(`${broadcast}/video/init-9.mp4`, new Uint8Array(300_000));
  expect(big.status).toBe(413);
  await publisher.putParts(2, 6);
  expect(await (await ask(publisher.path("video", "media.m3u8"))).text()).toContain("0.5.m4s");
});

test("stream names with dots, slashes, Unicode or 10 kB are 404", async () => {
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
