import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { INGEST_EVENT_LIMITS } from "../../core/events/ingest-events.ts";
import { HEALTH_REPORT_LIMITS } from "../../core/ingest/health/health-schemas.ts";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { issueTestKey, readJson, TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
const CHECK = { id: "b-frames", severity: "info", sinceMs: 1, value: 2, limit: 0, say: "Two.", fix: "None." };
const MEASURES = {
  ...{ bitsPerSecond: 6e6, framesPerSecond: 30, roundTripMs: 21, lossShare: null, offsetMs: -4, delayMs: 180 },
  ...{ compositionMs: null, encodeMs: null, sendQueueMs: null, laggedShare: null, skippedShare: 0, droppedShare: null },
};
const REPORT = { state: "good", atMs: 1_760_000_000_000, checks: [CHECK] };

const EVENT = { id: "event-0001", kind: "health-raised", check: "starved", severity: "error" };

const putHealth = (stream: string, key: string, body: unknown, publisher = "publisher-of-health"): Promise<Response> =>
  testEdge.ask(`/ingest/${stream}/health`, {
    method: "PUT",
    headers: { authorization: `Bearer ${key}`, [PUBLISHER_HEADER]: publisher },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const askHealth = (stream: string, headers: Record<string, string> = admin): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/health`, { headers });

test("a report is told as JSON, and with it the raised checks in the metrics", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const { stream, key, id } = publisher;
  expect(await readJson(await askHealth(stream))).toEqual({
    stream,
    state: "no-data",
    reportedMs: null,
    checks: [],
    samples: [],
  });
  expect((await putHealth(stream, key, REPORT, id)).status).toBe(204);
  const answer = await askHealth(stream);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await readJson(answer)).toMatchObject({ stream, state: "good", checks: [CHECK] });
  const metrics = await (await testEdge.ask(`/metrics?stream=${stream}`, { headers: admin })).text();
  expect(metrics).toContain(`corral_ingest_health{stream="${stream}",check="b-frames"} 1\n`);
});

test("the health of a live publisher is not overwritten by another one of its stream", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const other = await issueTestKey(testEdge, publisher.stream);
  expect((await putHealth(publisher.stream, other.key, REPORT)).status).toBe(409);
  expect((await putHealth(publisher.stream, publisher.key, REPORT)).status).toBe(409);
});

test("a revoked key reports nothing, and its stream's health says so", async () => {
  const stream = "health-revoked";
  const { key, id } = await issueTestKey(testEdge, stream);
  const publisher = new TestPublisher(testEdge, { stream, key });
  await publisher.openWithInits();
  expect((await putHealth(stream, key, REPORT, publisher.id)).status).toBe(204);
  await testEdge.ask(`/api/streams/${stream}/keys/${id}`, { method: "DELETE", headers: admin });
  expect((await putHealth(stream, key, REPORT, publisher.id)).status).toBe(403);
  const health = await readJson(await askHealth(stream));
  expect(health).toMatchObject({ state: "revoked", checks: [{ id: "key-revoked", severity: "error" }] });
});

test("reports that are malformed, too large or too many are refused", async () => {
  const stream = "health-bounds";
  const { key } = await issueTestKey(testEdge, stream);
  for (const body of [
    "",
    "{",
    { ...REPORT, state: "fine" },
    { ...REPORT, more: 1 },
    { ...REPORT, measures: { ...MEASURES, bitsPerSecond: 1e13 } },
    { ...REPORT, measures: { ...MEASURES, more: 1 } },
    { ...REPORT, measures: { bitsPerSecond: 1 } },
    { ...REPORT, events: [{ id: "12345678", kind: "ingest-connected" }] },
    { ...REPORT, events: [{ id: "1", kind: "health-cleared", check: "starved" }] },
    { ...REPORT, events: [{ id: "12345678", kind: "stream-stopped" }] },
    { ...REPORT, events: Array.from({ length: 17 }, () => EVENT) },
    { ...REPORT, checks: [{ ...CHECK, id: "unknown" }] },
    { ...REPORT, checks: [{ ...CHECK, value: null }] },
    { ...REPORT, checks: [{ ...CHECK, say: "x".repeat(HEALTH_REPORT_LIMITS.sentenceChars + 1) }] },
    { ...REPORT, checks: Array.from({ length: 60 }, () => CHECK) },
  ]) {
    expect((await putHealth(stream, key, body)).status, JSON.stringify(body).slice(0, 60)).toBe(400);
  }
  expect((await putHealth(stream, key, "x".repeat(HEALTH_REPORT_LIMITS.bytes + 1))).status).toBe(413);
  const statuses: number[] = [];
  for (let i = 0; i < 12; i += 1) statuses.push((await putHealth(stream, key, REPORT)).status);
  expect(statuses[0]).toBe(204);
  expect(statuses.at(-1)).toBe(429);
});

test("clients that accept events get one at once", async () => {
  const stream = "health-events";
  const { key } = await issueTestKey(testEdge, stream);
  expect((await putHealth(stream, key, REPORT)).status).toBe(204);
  const answer = await askHealth(stream, { ...admin, accept: "text/event-stream" });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  const text = new TextDecoder().decode(value);
  expect(text).toMatch(/^event: health\ndata: \{.*\}\n\n$/);
  expect(JSON.parse(text.split("data: ")[1] ?? "")).toMatchObject({ stream, state: "good", checks: [CHECK] });
  await reader.cancel();
  expect((await askHealth(stream, { accept: "text/event-stream" })).status).toBe(401);
});

test("the figures of reports are kept as samples, of which a client gets those that it lacks", async () => {
  const stream = "health-samples";
  const { key } = await issueTestKey(testEdge, stream);
  expect((await putHealth(stream, key, { ...REPORT, measures: MEASURES })).status).toBe(204);
  // A report soon after is a change: it has no sample of its own.
  expect((await putHealth(stream, key, { ...REPORT, measures: { ...MEASURES, delayMs: 9 } })).status).toBe(204);
  const { samples } = (await readJson(await askHealth(stream))) as { samples: { atMs: number }[] };
  expect(samples).toEqual([{ atMs: expect.any(Number) as number, ...MEASURES }]);
  const later = await testEdge.ask(`/api/streams/${stream}/health?after=${samples[0]?.atMs}`, { headers: admin });
  expect(await readJson(later)).toMatchObject({ state: "good", checks: [CHECK], samples: [] });
  expect((await testEdge.ask(`/api/streams/${stream}/health?after=now`, { headers: admin })).status).toBe(400);
});

test("an event that a node tells twice is stored once, and a flood of events is cut", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  const { stream, key, id } = publisher;
  const kinds = async (): Promise<string[]> =>
    runInDurableObject(getLiveObject(publisher) as unknown as DurableObjectStub, (_live, { storage }) =>
      storage.sql
        .exec<{ kind: string }>("SELECT kind FROM outbox ORDER BY sequence")
        .toArray()
        .map(({ kind }) => kind),
    );
  const connected = { id: "event-0000", kind: "ingest-connected", protocol: "rtmp" };
  expect((await putHealth(stream, key, { ...REPORT, events: [connected, EVENT] }, id)).status).toBe(204);
  expect((await putHealth(stream, key, { ...REPORT, events: [EVENT] }, id)).status).toBe(204);
  const ofIngest = async (): Promise<string[]> => (await kinds()).filter((kind) => /^(ingest|health)-/.test(kind));
  expect(await ofIngest()).toEqual(["ingest-connected", "health-raised"]);
  await evictDurableObject(getLiveObject(publisher) as unknown as DurableObjectStub);
  expect((await putHealth(stream, key, { ...REPORT, events: [EVENT] }, id)).status).toBe(204);
  expect(await ofIngest()).toHaveLength(2);
  for (let report = 0; report < 5; report += 1) {
    const events = Array.from({ length: 16 }, (_, i) => ({ ...EVENT, id: `flood-${report}-${i}-of-events` }));
    await putHealth(stream, key, { ...REPORT, events }, id);
  }
  expect((await ofIngest()).length).toBeLessThanOrEqual(2 + INGEST_EVENT_LIMITS.rate.burst);
  expect((await ofIngest()).length).toBeGreaterThan(30);
});

test("a host reads the health of the own stream, and nobody else's", async () => {
  const stream = "health-of-host";
  await issueTestKey(testEdge, stream);
  const token = async (roles: string[], room = stream): Promise<Record<string, string>> => {
    const body = JSON.stringify({ room, sub: "hana", roles });
    const made = await readJson(await testEdge.ask("/dev/token", { method: "POST", body }));
    return { authorization: `Bearer ${String(made["token"])}` };
  };
  expect((await askHealth(stream, await token(["host"]))).status).toBe(200);
  expect((await askHealth(stream, await token(["moderator"]))).status).toBe(403);
  expect((await askHealth(stream, await token(["host"], "another"))).status).toBe(403);
});
